"""Models of your own: a function without arguments that returns a `Classifier`, or an ``nn.Module`` of [0, 1] images.

Three ways (the dots stand for what is in README.md)::

    presoftmax demo --source own_model.py:source --victims own_model.py:cousin ...  # on the command line
    models = ["own_model.py:source", "own_model.py:cousin"]                         # in a study's TOML
    ps.trace(attack, source(), images, labels, victims={"cousin": cousin()})        # in Python
"""

import torch
from torch import nn
from torchvision.transforms import Normalize

import presoftmax as ps

CLASSES = ["ant", "bee", "cat", "dog", "elk", "fox", "gnu", "hen"]  # also names those of a plain module


def network(noise: float = 0.0) -> nn.Module:
    """A little network of normalized images, the same in every process; with noise on its weights, a relative."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        net = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.Tanh(), nn.Flatten(), nn.Linear(2048, 8))
        net[-1].weight.mul_(8)
        for parameter in net.parameters():
            parameter.mul_(1 + noise * torch.randn_like(parameter))
    return net


def source() -> ps.Classifier:
    """It brings its normalization, in whose units alpha is meant."""
    return ps.Classifier(network(), name="source", mean=[0.5] * 3, std=[0.25] * 3, classes=CLASSES)


def cousin() -> nn.Module:
    """A plain module is shown [0, 1] images, so this one normalizes them itself."""
    return nn.Sequential(Normalize([0.5] * 3, [0.25] * 3), network(noise=0.3))


if __name__ == "__main__":
    from tiny import photos

    trace = ps.trace(ps.attacks.over_optimized(steps=20), source(), *photos(), victims={"cousin": cousin()})
    for row in ps.analysis.transfer_by_iteration(trace.transfers)[::10].iter_rows(named=True):
        print(f"iteration {row['iteration']}: {row['victim']} wrong on {100 * row['misclassified']:.0f} %")
