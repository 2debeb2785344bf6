"""What an attack showed a model, pass by pass, kept on the host: 8-bit images, logits."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import torch
from torch import Tensor

from presoftmax.attacks import to_pixels

__all__ = ["Captured", "Shown", "as_zero_to_one", "digests_of", "look_at"]


@dataclass(frozen=True)
class Shown:
    """The images of one forward pass, taken before the model had them: its first layer may write over them.

    Attributes:
        pixels: uint8 ``(B, 3, H, W)``, nearest 8-bit images of what was shown.
        digests: of the values as they were shown, one for each row: two images are the same where these are.
        off_lattice: ``(B,)``, largest distance of a shown value from its 8-bit one, in grey levels.
        lowest: smallest shown value.
        highest: largest shown value.
        with_gradient: whether the image took a gradient.
        training: whether some part of the model was in training mode.
    """

    pixels: Tensor
    digests: tuple[bytes, ...]
    off_lattice: Tensor
    lowest: float
    highest: float
    with_gradient: bool
    training: bool


@dataclass(frozen=True)
class Captured:
    """One forward pass: what was shown, what was answered, and whose images they were.

    Attributes:
        shown: the images.
        logits: ``(B, M)``.
        examples: int64 ``(B,)``, which example each row is; -1 for one that fits nobody.
    """

    shown: Shown
    logits: Tensor
    examples: Tensor


@torch.no_grad()
def look_at(images: Tensor, mean: Sequence[float], std: Sequence[float], training: bool) -> Shown:
    """Keep images that a network is about to get: normalized with mean and std, or [0, 1], or bytes."""
    values = images.detach()
    if values.dtype == torch.uint8:
        pixels, off, lowest, highest = values.cpu().clone(), torch.zeros(len(values)), 0.0, 1.0
    else:
        values = as_zero_to_one(values, mean, std)
        rounded = to_pixels(values)
        off = (values * 255 - rounded).abs().amax(dim=(1, 2, 3)).float().cpu()
        lowest, highest = (float(each) for each in values.aminmax())
        pixels = rounded.cpu()
    return Shown(pixels, digests_of(images), off, lowest, highest, images.requires_grad, training)


def as_zero_to_one(images: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """Normalized floats as floats in [0, 1]; what was not normalized, and bytes, as they are."""
    if images.dtype == torch.uint8 or not (any(mean) or any(each != 1 for each in std)):
        return images
    scale, shift = (torch.tensor(v, device=images.device).view(1, -1, 1, 1) for v in (std, mean))
    return images * scale + shift


def digests_of(images: Tensor) -> tuple[bytes, ...]:
    """A hash of the values of each image."""
    rows = images.detach().cpu().contiguous().flatten(1).view(torch.uint8)
    return tuple(blake2b(row.numpy().data, digest_size=12).digest() for row in rows)
