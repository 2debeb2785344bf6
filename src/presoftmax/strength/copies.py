"""Copies of an image that a person would not tell from it: what its strength must survive to be any other model's."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from presoftmax.attacks import to_floats, to_pixels
from presoftmax.strength.distortions import Distortion, through_file

__all__ = ["COPIES"]

_GREY_LEVELS = 12.0


def _noise(seed: int, size: float = _GREY_LEVELS) -> Distortion:
    """Gaussian noise, the same for every image: a copy depends on its image alone."""

    def copy(images: Tensor) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        noise = torch.randn(images.shape[1:], generator=generator).to(images.device)
        return (images.float() + size * noise).round_().clamp_(0, 255).to(torch.uint8)

    return copy


def _shift(down: int, right: int) -> Distortion:
    """A shift by a pixel; the edge is repeated."""

    def copy(images: Tensor) -> Tensor:
        height, width = images.shape[-2:]
        padded = F.pad(images.float(), (1, 1, 1, 1), mode="replicate").to(torch.uint8)
        return padded[..., 1 - down : 1 - down + height, 1 - right : 1 - right + width]

    return copy


def _half_size(images: Tensor) -> Tensor:
    """To half its size, and back."""
    height, width = (max(1, side // 2) for side in images.shape[-2:])
    small = F.interpolate(to_floats(images), size=(height, width), mode="bilinear", antialias=True)
    back = F.interpolate(small, size=images.shape[-2:], mode="bilinear", align_corners=False)
    return to_pixels(back.clamp_(0, 1))


def _flip(images: Tensor) -> Tensor:
    return images.flip(-1)


def _on_its_device(distortion: Distortion) -> Distortion:
    """Files are written on the CPU."""
    return lambda images: distortion(images.cpu()).to(images.device)


COPIES: dict[str, Callable[[Tensor], Tensor]] = {
    "noise1": _noise(1),
    "noise2": _noise(2),
    "down": _shift(1, 0),
    "up": _shift(-1, 0),
    "right": _shift(0, 1),
    "left": _shift(0, -1),
    "half": _half_size,
    "jpeg75": _on_its_device(through_file("JPEG", quality=75)),
    "flip": _flip,
}
"""Every copy, by name; uint8 ``(N, 3, H, W)`` to the same."""
