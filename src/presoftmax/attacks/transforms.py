"""What the source is shown for the gradient, if not the image itself: transfer attacks look at changed copies of it.

What is recorded is always the source's answer to the image itself; looking at copies costs forward passes of their own.
"""

from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from presoftmax.attacks.randomness import Draws
from presoftmax.errors import AttackError

__all__ = ["InputDiversity", "ScaledCopies", "View"]


class View(Protocol):
    """Copies of the image at which gradients (with respect to the image) are taken and averaged."""

    @property
    def copies(self) -> int:
        """How many."""
        ...

    def __call__(self, images: Tensor, copy: int, draws: Draws) -> Tensor:
        """One copy, numbered from 0, of float images ``(N, C, H, W)``; differentiable."""
        ...


@dataclass(frozen=True)
class ScaledCopies:
    """The image divided by 1, 2, 4, ...: SI-FGSM (Lin et al. 2020, arXiv:1908.06281)."""

    copies: int = 5

    def __post_init__(self) -> None:
        if self.copies < 1:
            raise AttackError(f"copies must be at least 1, got {self.copies}")

    def __call__(self, images: Tensor, copy: int, draws: Draws) -> Tensor:
        """``images / 2 ** copy``."""
        return images / float(2**copy)


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
        if not 0 <= self.probability <= 1 or not 0 < self.rate < 1:
            raise AttackError(
                f"input diversity: probability in [0, 1], rate in (0, 1); got {self.probability}, {self.rate}"
            )

    @property
    def copies(self) -> int:
        """One."""
        return 1

    def __call__(self, images: Tensor, copy: int, draws: Draws) -> Tensor:
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
