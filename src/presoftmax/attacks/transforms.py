"""What the source is shown for the gradient: a list of views of the image. Transfer attacks look at changed copies.

What is recorded is always the source's answer to the image itself. Where `Identity` is among the views (and the update
does not look ahead), that very pass serves; every other view costs a forward pass of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from presoftmax.attacks._checks import LARGEST, between, number, whole
from presoftmax.attacks.randomness import Draws
from presoftmax.errors import AttackError
from presoftmax.lazy import deferred

if TYPE_CHECKING:
    import torch
    import torch.nn.functional as F
    from torch import Tensor
else:
    torch = deferred("torch")
    F = deferred("torch.nn.functional")

__all__ = ["Identity", "InputDiversity", "Scaled", "View", "scaled_copies"]

_MOST_COPIES = 64  # the last of them is black to the last digit


class View(Protocol):
    """One way of showing an image; the gradient in the image goes through it."""

    def __call__(self, images: Tensor, draws: Draws) -> Tensor:
        """What is shown of float images ``(N, C, H, W)`` in [0, 1], each example by itself; differentiable."""
        ...


@dataclass(frozen=True)
class Identity:
    """The image as it is."""

    def __call__(self, images: Tensor, draws: Draws) -> Tensor:
        """``images``."""
        return images


@dataclass(frozen=True)
class Scaled:
    """The image times a factor: one copy of SI-FGSM (Lin et al. 2020, arXiv:1908.06281)."""

    factor: float

    def __post_init__(self) -> None:
        between("the factor", self.factor, -LARGEST, LARGEST)

    def __call__(self, images: Tensor, draws: Draws) -> Tensor:
        """``factor * images``."""
        return images * self.factor


def scaled_copies(count: int = 5) -> tuple[View, ...]:
    """The image divided by 1, 2, 4, ...: the views of SI-FGSM (arXiv:1908.06281)."""
    whole("copies", count, 1, _MOST_COPIES)
    return tuple(Scaled(0.5**i) if i else Identity() for i in range(count))


@dataclass(frozen=True)
class InputDiversity:
    """Random resizing and padding: DI-FGSM (Xie et al. 2019, arXiv:1803.06978).

    With some probability the image is shrunk to a side from ``rate * S`` to ``S - 1`` and padded with black to ``S``
    at a random place. Each example draws for itself.

    Attributes:
        probability: of a changed copy.
        rate: the smallest side over the image's own. (The paper enlarges 299 pixels to at most 330 instead, the same
            range of scales, for networks that take any size; the rate here is that of torchattacks, which draws once
            for a whole batch.)
    """

    probability: float = 0.5
    rate: float = 0.9

    def __post_init__(self) -> None:
        probability, rate = (number(name, getattr(self, name)) for name in ("probability", "rate"))
        if not 0 <= probability <= 1 or not 0 < rate < 1:
            raise AttackError(f"input diversity: probability in [0, 1], rate in (0, 1); got {probability}, {rate}")

    def __call__(self, images: Tensor, draws: Draws) -> Tensor:
        """A resized and padded copy of each, or the image as it is."""
        numbers = draws.uniform("input diversity", 4).tolist()
        return torch.cat([self._one(images[i : i + 1], *row) for i, row in enumerate(numbers)])

    def _one(self, image: Tensor, chance: float, size: float, top: float, left: float) -> Tensor:
        height, width = image.shape[-2:]
        smallest = int(width * self.rate)
        if chance >= self.probability or smallest == width:
            return image
        narrow = smallest + int(size * (width - smallest))
        low = height * narrow // width
        above, before = int(top * (height - low)), int(left * (width - narrow))
        small = F.interpolate(image, size=(low, narrow), mode="bilinear", align_corners=False)
        return F.pad(small, (before, width - narrow - before, above, height - low - above))
