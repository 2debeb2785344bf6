"""What the pages tell their readers to have (docs/start.md, *Names in these pages*), in tiny."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import create_autospec

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import presoftmax as ps

SIZE, CLASSES, COUNT, NATURAL = 32, 10, 6, 40

STUDY = """
models = ["own.py:source", "own.py:cousin"]
[images]
path = "images.npz"
count = 3
[[attacks]]
kind = "over-optimized"
steps = 2
"""
OWN = """
from tests.docs.given import Net

def source():
    return Net(0)

def cousin():
    return Net(1)
"""


class Net(nn.Module):
    """Logits of [0, 1] images of any size; relatives agree on many of them."""

    def __init__(self, relative: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(0)
            self.layers = nn.Sequential(
                nn.Conv2d(3, 8, 5, 2), nn.Tanh(), nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(128, CLASSES)
            )
            self.layers[-1].weight.mul_(8)
            for parameter in self.parameters():
                parameter.mul_(1 + 0.1 * relative * torch.randn_like(parameter))
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images)


def photos(count: int = COUNT) -> ps.ImageSet:
    images = torch.randint(
        0, 256, (count, 3, SIZE, SIZE), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )
    with torch.no_grad():
        return ps.ImageSet.from_arrays(images, Net()(images / 255).argmax(dim=1))


def names() -> dict[str, Any]:
    """Exactly the names that docs/start.md lists."""
    net, vgg, given = Net(), Net(1), photos()
    clean = given.images / 255
    step = torch.sign(torch.autograd.functional.jacobian(lambda x: net(x).logsumexp(1).sum(), clean))
    return {
        "ps": ps,
        "net": net,
        "vgg": vgg,
        "images": given.images,
        "labels": given.labels,
        "clean": clean,
        "adversarial": (clean + 8 / 255 * step).clamp(0, 1),
        "natural": photos(NATURAL).images,
        "ask_the_api": lambda pixels: vgg(pixels / 255).detach(),
    }


def _model(name: str, relative: int = 0) -> ps.Classifier:
    assert name in {each.name for each in ps.list_models()}, f"no model is called {name!r}"
    return ps.Classifier(Net(relative), name=name)


def _standing_in(real: Callable[..., Any], does: Callable[..., Any]) -> Any:
    """Another function behind the signature of the real one; where one stands already, it stays."""
    return real if hasattr(real, "mock") else create_autospec(real, side_effect=does)


def stand_in_for_the_extra(patch: pytest.MonkeyPatch) -> None:
    """Tiny networks and images in place of the models and photos that the extra ``demo`` brings."""
    load_models = lambda *specs, **_: [_model(name, i) for i, name in enumerate(specs)]  # noqa: E731
    patch.setattr(ps, "load_model", _standing_in(ps.load_model, lambda name, *_, **__: _model(name)))
    patch.setattr(ps, "load_models", _standing_in(ps.load_models, load_models))
    patch.setattr(ps, "samples", _standing_in(ps.samples, lambda *_, **__: photos()))


class Steps:
    """An attack of another library, where that is not installed: a few steps away from the labels."""

    def __init__(self, network: nn.Module, **_: object) -> None:
        self.network = network

    def __call__(self, images: Tensor, labels: Tensor) -> Tensor:
        adversarial = images.clone()
        for _ in range(3):
            adversarial.requires_grad_(True)
            loss = nn.functional.cross_entropy(self.network(adversarial), labels)
            (gradient,) = torch.autograd.grad(loss, adversarial)
            adversarial = (adversarial.detach() + 4 / 255 * gradient.sign()).clamp(0, 1)
        return adversarial


def stand_in_for_torchattacks(patch: pytest.MonkeyPatch) -> None:
    """The library that most pages show, so that they run without it; the others' snippets are left out."""
    library = ModuleType("torchattacks")
    library.PGD = library.CW = Steps  # type: ignore[attr-defined]
    patch.setitem(sys.modules, "torchattacks", library)


@contextmanager
def at_the_reader(folder: Path) -> Iterator[dict[str, Any]]:
    """The names, in a folder with the files that the pages speak of; models and photos of the extra are tiny ones."""
    given = photos()
    np.savez(folder / "images.npz", images=given.images.numpy(), labels=given.labels.numpy())
    (folder / "study.toml").write_text(STUDY, encoding="utf-8")
    (folder / "own.py").write_text(OWN, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        stand_in_for_the_extra(patch)
        if "torchattacks" not in sys.modules and find_spec("torchattacks") is None:
            stand_in_for_torchattacks(patch)
        yield names()
