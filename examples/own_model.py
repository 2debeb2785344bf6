"""Models of your own: a function without arguments that returns a network of [0, 1] images, or a `Classifier`.

Command line (``python tiny.py`` makes the photos)::

    presoftmax demo --source own_model.py:source --victims own_model.py:cousin --photos photos --labels labels.csv

TOML::

    models = ["own_model.py:source", "own_model.py:cousin"]

Python: ``ps.trace(attack, source(), images, labels, victims=[cousin()])``
"""

import torch
from torch import nn
from torchvision.transforms import Normalize

import presoftmax as ps

CLASSES = ["ant", "bee", "cat", "dog", "elk", "fox", "gnu", "hen"]  # of every model here that does not name its own
MEAN, STD = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)


def network(noise: float = 0.0) -> nn.Module:
    """A little network of normalized images, the same in every process; with noise in its weights, a relative."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        net = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.Tanh(), nn.Flatten(), nn.Linear(8 * 16 * 16, len(CLASSES)))
        net[-1].weight.mul_(8)
        for parameter in net.parameters():
            parameter.mul_(1 + noise * torch.randn_like(parameter))
    return net


def source() -> ps.Classifier:
    """A `Classifier` brings its own normalization and name; alpha then acts on the normalized image, as in the paper."""
    return ps.Classifier(network(), name="source", mean=MEAN, std=STD, classes=CLASSES)


def cousin() -> nn.Module:
    """A plain module takes [0, 1] images, so this one normalizes them itself."""
    return nn.Sequential(Normalize(MEAN, STD), network(noise=0.3))


if __name__ == "__main__":
    from tiny import photos

    images, labels = photos()
    trace = ps.trace(ps.attacks.over_optimized(steps=20), source(), images, labels, victims={"cousin": cousin()})
    print(trace.steps)
    print(ps.analysis.transfer_by_iteration(trace.transfers))
