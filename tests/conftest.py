"""Small networks and images made on the spot, and the real ones where the demo extra is installed."""

import os
import signal
import sys
from collections.abc import Callable
from importlib.util import find_spec

import pytest
import torch
from torch import Tensor, nn

from presoftmax import ImageSet
from presoftmax.cli import main
from presoftmax.models import Classifier

SIZE = 6
CLASSES = 7

# No test depends on what another one has measured, or leaves something in the user's folders.
os.environ["PRESOFTMAX_NO_CACHE"] = "1"

# Threads that wait for each other cost more than they give on networks as small as these.
torch.set_num_threads(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slowest files first, so that no worker ends with one of them alone: studies, then commands."""
    slow = {"study": 0, "cli": 1}
    items.sort(key=lambda item: slow.get(item.path.parent.name, len(slow)))


class Tiny(nn.Module):
    """A smooth little network of [0, 1] images; smooth, so that two precisions stay together."""

    def __init__(self, seed: int = 0, classes: int = CLASSES, gain: float = 4.0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.head = nn.Linear(8 * SIZE * SIZE, classes)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
            self.head.weight.mul_(gain)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.tanh(self.conv(x)).flatten(1))


class Counting(nn.Module):
    """Counts forward passes, and backward passes to the input."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.forwards = 0
        self.backwards = 0

    def forward(self, x: Tensor) -> Tensor:
        self.forwards += 1
        if x.requires_grad:
            x.register_hook(self._count)
        return self.network(x)

    def _count(self, gradient: Tensor) -> None:
        self.backwards += 1


def make_images(count: int = 5, seed: int = 0, size: int = SIZE) -> Tensor:
    return torch.randint(
        0, 256, (count, 3, size, size), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed)
    )


def make_set(network: nn.Module, count: int = 5, seed: int = 0) -> ImageSet:
    """Images labeled by the network itself, so that it is right on all of them."""
    images = make_images(count, seed)
    with torch.no_grad():
        labels = network(images.float() / 255).argmax(dim=1)
    return ImageSet.from_arrays(images, labels, [f"image{i}" for i in range(count)])


@pytest.fixture
def tiny() -> Tiny:
    return Tiny()


@pytest.fixture
def photos(tiny: Tiny) -> ImageSet:
    return make_set(tiny)


@pytest.fixture
def normalized() -> Callable[[nn.Module], Classifier]:
    """Behind an uneven normalization, so that a mixed-up channel or space shows."""
    return lambda network: Classifier(network, name="source", mean=(0.4, 0.5, 0.3), std=(0.2, 0.3, 0.25))


@pytest.fixture(scope="session")
def real() -> tuple[list[Classifier], ImageSet]:
    """The demo's three models, and four photos that all of them get right."""
    if find_spec("efficientnet_lite_pytorch") is None or find_spec("foolbox") is None:
        pytest.skip("needs the extra demo")
    import presoftmax as ps

    models = ps.load_models("efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2", device="cpu")
    return models, ps.select_correct([ps.samples("imagenet")], models, limit=4).images


@pytest.fixture
def signals_arrive():
    """Signals do what they usually do, also where the tests were started with some ignored (``nohup``, ``&``)."""
    usual = {"SIGINT": signal.default_int_handler, "SIGTERM": signal.SIG_DFL, "SIGHUP": signal.SIG_DFL}
    there = {getattr(signal, name): handler for name, handler in usual.items() if hasattr(signal, name)}
    before = {number: signal.signal(number, handler) for number, handler in there.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def cli(capsys, monkeypatch, tmp_path):
    """Run a command in a folder of its own; gives its exit status, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["presoftmax", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
        return code, *capsys.readouterr()

    return call
