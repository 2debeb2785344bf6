"""What does an attack do on its way? torchattacks' PGD, recorded at every image that it tries, without changing it.

``python record_attack.py`` prints the way and the verdict. Without torchattacks, the loop of ``judge.py`` is recorded.
"""

from importlib.util import find_spec

import torch
from torch import Tensor, nn

import presoftmax as ps


def attack(net: nn.Module, clean: Tensor, labels: Tensor) -> Tensor:
    """Ten steps of PGD, by torchattacks where it is installed."""
    if find_spec("torchattacks") is None:
        from judge import pgd

        print("torchattacks is not installed: the loop of judge.py stands in for it")
        return pgd(net, clean, labels)
    import torchattacks

    return torchattacks.PGD(net, eps=8 / 255, alpha=2 / 255, steps=10, random_start=False)(clean, labels)


if __name__ == "__main__":
    from own_model import cousin
    from tiny import photos

    images, labels = photos()
    net, clean = cousin(), images / 255
    with torch.no_grad():
        labels = net(clean).argmax(dim=1)
    with ps.record(net, clean, labels, attack="PGD", name="cousin") as rec:
        adversarial = attack(net, clean, labels)

    rec.result(adversarial)  # what it returned is the last iteration
    for iteration in (0, 5, 10):
        rows = rec.steps.filter(iteration=iteration)
        strength = rows["misclassification_log_odds"].mean()
        print(f"iteration {iteration}: confidence {rows['confidence'].mean():.2f}, log-odds against {strength:.1f}")
    print(rec.judge(adversarial))
