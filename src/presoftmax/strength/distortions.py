"""What pictures go through between an attack and a model: saving, compression, a small resize."""

from collections.abc import Callable
from io import BytesIO

import torch
from PIL import Image
from torch import Tensor

from presoftmax.attacks import to_pixels
from presoftmax.data import to_picture, to_tensor

__all__ = ["DISTORTIONS", "Distortion"]

Distortion = Callable[[Tensor], Tensor]
"""Images uint8, or float in [0, 1], ``(N, 3, H, W)``, to uint8 ``(N, 3, H, W)``."""


def rounding(images: Tensor) -> Tensor:
    """The nearest 8-bit image: what careful saving does."""
    return images if images.dtype == torch.uint8 else to_pixels(images)


def truncation(images: Tensor) -> Tensor:
    """The 8-bit image below: what ``(255 * x).to(uint8)`` does."""
    return images if images.dtype == torch.uint8 else (images * 255).clamp(0, 255).to(torch.uint8)


def through_file(kind: str, **options: int) -> Distortion:
    """Saved as a file of some kind (as Pillow names it, with its options) and opened again."""

    def distortion(images: Tensor) -> Tensor:
        return torch.stack([_reopened(image, kind, options) for image in rounding(images)])

    return distortion


def _reopened(image: Tensor, kind: str, options: dict[str, int]) -> Tensor:
    file = BytesIO()
    to_picture(image).save(file, format=kind, **options)
    with Image.open(file) as again:
        return to_tensor(again.convert("RGB"))


def resizing(images: Tensor) -> Tensor:
    """One pixel wider and one higher, and back (bicubic)."""
    return torch.stack([_resized(image) for image in rounding(images)])


def _resized(image: Tensor) -> Tensor:
    picture = to_picture(image)
    width, height = picture.size
    larger = picture.resize((width + 1, height + 1), Image.Resampling.BICUBIC)
    return to_tensor(larger.resize((width, height), Image.Resampling.BICUBIC))


DISTORTIONS: dict[str, Distortion] = {
    "rounding": rounding,
    "truncation": truncation,
    "png": through_file("PNG"),
    "jpeg95": through_file("JPEG", quality=95),
    "jpeg75": through_file("JPEG", quality=75),
    "resize": resizing,
}
"""Every distortion, by name."""
