"""How strong are my examples really, compared with their confidence? A PGD loop of one's own, and the answer.

``python judge.py`` prints the summary and writes ``judged/``: the page, the picture, the tables.
"""

import torch
from torch import Tensor, nn

import presoftmax as ps


def pgd(net: nn.Module, images: Tensor, labels: Tensor, steps: int = 10) -> Tensor:
    """The loop that everybody has: [0, 1] images within 8/255 of the clean ones."""
    adversarial = images.clone()
    for _ in range(steps):
        adversarial.requires_grad_(True)
        (gradient,) = torch.autograd.grad(nn.functional.cross_entropy(net(adversarial), labels), adversarial)
        changed = adversarial.detach() + 2 / 255 * gradient.sign()
        adversarial = (images + (changed - images).clamp(-8 / 255, 8 / 255)).clamp(0, 1)
    return adversarial


if __name__ == "__main__":
    from own_model import cousin, source
    from tiny import photos

    images, labels = photos()
    net = source()
    adversarial = pgd(net, images / 255, labels)
    judged = ps.judge(net, images, adversarial, labels, victims={"cousin": cousin()})
    print(judged)
    judged.save("judged")
