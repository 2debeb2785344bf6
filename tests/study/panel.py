"""Three small networks that mostly agree, and odd ones: a user's own model file, as studies of the tests name it."""

import os

import torch
from torch import Tensor, nn

SIZE, CLASSES_COUNT = 6, 7


class Net(nn.Module):
    def __init__(self, jitter: int = 0) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.head = nn.Linear(8 * SIZE * SIZE, CLASSES_COUNT)
        with torch.no_grad():
            for number, parameter in enumerate(self.parameters()):
                base = torch.randn(parameter.shape, generator=torch.Generator().manual_seed(number)) * 0.3
                noise = torch.randn(parameter.shape, generator=torch.Generator().manual_seed(100 * jitter + number))
                parameter.copy_(base + (0.1 * noise if jitter else 0))
            self.head.weight.mul_(4)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.tanh(self.conv(x)).flatten(1))


class Fragile(Net):
    """NaN for an image with a white last row, as soon as that is not quite white any more."""

    def forward(self, x: Tensor) -> Tensor:
        logits = super().forward(x)
        row = x[:, :, -1].detach().flatten(1)
        broken = (row.mean(dim=1) > 0.95) & (row.amin(dim=1) < 1)
        return torch.where(broken[:, None], torch.nan, logits)


class Fading(Net):
    """NaN for every image that is not on the lattice of even numbers, which clean images of the test are."""

    def forward(self, x: Tensor) -> Tensor:
        odd = ((x.detach() * 255).round() % 2 == 1).flatten(1).any(dim=1)
        return torch.where(odd[:, None], torch.nan, super().forward(x))


class Hungry(Net):
    """Has memory for three images."""

    def forward(self, x: Tensor) -> Tensor:
        if len(x) > 3 and x.requires_grad:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return super().forward(x)


class Starving(Net):
    def forward(self, x: Tensor) -> Tensor:
        if x.requires_grad:
            raise RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes")
        return super().forward(x)


def one() -> nn.Module:
    return Net()


def two() -> nn.Module:
    return Net(1)


def three() -> nn.Module:
    return Net(2)


def fragile() -> nn.Module:
    return Fragile()


def fading() -> nn.Module:
    return Fading()


def hungry() -> nn.Module:
    return Hungry()


def starving() -> nn.Module:
    return Starving()


def black_box():
    network = Net(3)
    return lambda images: network(images.float() / 255).detach().numpy()


def failing():
    def ask(images: Tensor) -> Tensor:
        if os.environ.get("PRESOFTMAX_TEST_SERVICE") == "down":
            raise RuntimeError("503 the service is down")
        return Net(3)(images.float() / 255)

    return ask
