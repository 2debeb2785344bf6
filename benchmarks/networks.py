"""The models of the jobs: networks that take [0, 1] images, and photos that come with the packages."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

import presoftmax as ps
from presoftmax.models.providers import Request
from presoftmax.models.providers.efficientnet_lite import EfficientNetLite


@dataclass(frozen=True)
class Case:
    """A job: sign steps on a source, two victims looking on.

    Attributes:
        title: as in the table.
        models: makes the source and the victims, each an ``nn.Module`` of [0, 1] images.
        images: makes so many images, uint8.
        count: images.
        steps: iterations.
    """

    title: str
    models: Callable[[], list[nn.Module]]
    images: Callable[[int], Tensor]
    count: int
    steps: int


class Normalized(nn.Module):
    """A network behind its normalization, as people write it."""

    def __init__(self, network: nn.Module, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        return self.network((images - self.mean) / self.std)


class Resized(nn.Module):
    """A network of another input size than the photos have."""

    def __init__(self, network: nn.Module, size: int) -> None:
        super().__init__()
        self.network, self.size = network, size

    def forward(self, images: Tensor) -> Tensor:
        shape = (self.size, self.size)
        return self.network(nn.functional.interpolate(images, shape, mode="bicubic", antialias=True).clamp(0, 1))


def _photos(count: int) -> Tensor:
    return ps.samples("imagenet").images[:count]


def _small_photos(count: int) -> Tensor:
    images = ps.samples("cifar10").images
    return images.repeat(-(-count // len(images)), 1, 1, 1)[:count]


def _efficientnets() -> list[nn.Module]:
    """As their provider gives them, before anything is made faster."""
    provider = EfficientNetLite()
    models: list[nn.Module] = []
    for listed in provider.list():
        loaded = provider.load(Request.parse(listed.name))
        mean, std = loaded.mean.flatten().tolist(), loaded.std.flatten().tolist()
        model: nn.Module = Normalized(loaded.network, mean, std)
        size = loaded.preprocessing.size or 224
        models.append((model if size == 224 else Resized(model, size)).eval())
    return models


def _torchvision(*names: str) -> list[nn.Module]:
    """Random weights, as the speed does not depend on them; running statistics from a few photos, for sane logits."""
    import torchvision

    models: list[nn.Module] = []
    for name in names:
        torch.manual_seed(0)
        network = torchvision.models.get_model(name)
        _damp_residuals(network)
        model = Normalized(network, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
        models.append(_calibrated(model, _photos(8)))
    return models


def _damp_residuals(network: nn.Module) -> None:
    """As in trained networks, a block adds little to its input: random ones as large as it would amplify rounding."""
    from torchvision.models.resnet import BasicBlock, Bottleneck

    for module in network.modules():
        if isinstance(module, Bottleneck | BasicBlock):
            last = module.bn3 if isinstance(module, Bottleneck) else module.bn2
            nn.init.constant_(last.weight, 0.2)


def _calibrated(model: nn.Module, images: Tensor) -> nn.Module:
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    with torch.no_grad():
        model.train()(images.float() / 255)
    return model.eval()


def _cifar_nets() -> list[nn.Module]:
    torch.manual_seed(0)
    mean, std = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
    networks = (_ResNet(2), _vgg(), _alexnet())
    return [_calibrated(Normalized(network, mean, std), _small_photos(20)) for network in networks]


def _alexnet() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 48, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2, 1),
        nn.Conv2d(48, 96, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2, 1),
        nn.Conv2d(96, 128, 3, padding=1), nn.ReLU(), nn.Conv2d(128, 96, 3, padding=1), nn.ReLU(),
        nn.MaxPool2d(3, 2, 1), nn.Flatten(), nn.Linear(96 * 16, 256), nn.ReLU(), nn.Linear(256, 10),
    )  # fmt: skip


def _vgg() -> nn.Module:
    layers: list[nn.Module] = []
    width = 3
    for item in (32, 32, 0, 64, 64, 0, 128, 128, 0, 128, 128, 0):
        if item:
            layers += [nn.Conv2d(width, item, 3, padding=1), nn.BatchNorm2d(item), nn.ReLU()]
            width = item
        else:
            layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(512, 128), nn.ReLU(), nn.Linear(128, 10))


class _Block(nn.Module):
    def __init__(self, inp: int, out: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inp, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out)
        self.conv2, self.bn2 = nn.Conv2d(out, out, 3, 1, 1, bias=False), nn.BatchNorm2d(out)
        same = stride == 1 and inp == out
        self.shortcut = nn.Identity() if same else nn.Conv2d(inp, out, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        h = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(h + self.shortcut(x))


class _ResNet(nn.Module):
    """The CIFAR ResNet of depth 6n + 2."""

    def __init__(self, n: int) -> None:
        super().__init__()
        plan = [(16, 16, 1), (16, 32, 2), (32, 64, 2)]
        blocks = [_Block(i if k == 0 else o, o, s if k == 0 else 1) for i, o, s in plan for k in range(n)]
        self.stem, self.norm = nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16)
        self.blocks, self.head = nn.Sequential(*blocks), nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.blocks(torch.relu(self.norm(self.stem(x)))).mean((2, 3)))


def small_resnet(seed: int) -> nn.Module:
    """A residual network that takes images of any size."""
    torch.manual_seed(seed)
    return _ResNet(1).eval()


CASES = {
    "efficientnet": Case("EfficientNet-Lite0; victims Lite1, Lite2; 224 px", _efficientnets, _photos, 8, 10),
    "resnet50": Case(
        "ResNet-50; victims ResNet-18, AlexNet; 224 px",
        lambda: _torchvision("resnet50", "resnet18", "alexnet"), _photos, 8, 5,
    ),
    "cifar": Case("CIFAR ResNet; victims VGG, AlexNet-like; 32 px", _cifar_nets, _small_photos, 128, 10),
}  # fmt: skip
