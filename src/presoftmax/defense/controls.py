"""Natural images that something harmless was done to: a detector that flags these finds no attacks, but artefacts."""

from collections.abc import Callable

import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as transforms

from presoftmax.attacks import to_floats, to_pixels
from presoftmax.strength import DISTORTIONS

__all__ = ["CONTROLS"]

Control = Callable[[Tensor], Tensor]


def _noise(grey_levels: float, seed: int) -> Control:
    def noisy(images: Tensor) -> Tensor:
        noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(seed))
        return (images.float() + grey_levels * noise).round().clamp(0, 255).to(torch.uint8)

    return noisy


def _resized(images: Tensor) -> Tensor:
    height, width = images.shape[-2:]
    smaller = transforms.resize(to_floats(images), [height - 1, width - 1], antialias=True)
    return to_pixels(transforms.resize(smaller, [height, width], antialias=True).clamp(0, 1))


CONTROLS: dict[str, Control] = {
    "as they are": lambda images: images,
    "noise of 4 grey levels": _noise(4, 104),
    "noise of 8 grey levels": _noise(8, 108),
    "JPEG 95": DISTORTIONS["jpeg95"],
    "JPEG 75": DISTORTIONS["jpeg75"],
    "brighter by a tenth": lambda images: transforms.adjust_brightness(images, 1.1),
    "darker by a tenth": lambda images: transforms.adjust_brightness(images, 0.9),
    "more contrast by a tenth": lambda images: transforms.adjust_contrast(images, 1.1),
    "a pixel smaller and back": _resized,
    "blurred (0.5 pixels)": lambda images: transforms.gaussian_blur(images, [3, 3], [0.5, 0.5]),
}
"""Benign changes by name; uint8 ``(N, 3, H, W)`` to the same."""
