"""What a detector shows the model besides the image: copies of it, each differentiable, so that attackers can follow.

They are `presoftmax.attacks.View`s: float images ``(N, C, H, W)`` in [0, 1] to the same.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from presoftmax.attacks import Draws
from presoftmax.errors import DataError

__all__ = ["BitDepth", "Flip", "GaussianNoise", "MedianFilter", "Shift"]


@dataclass(frozen=True)
class Flip:
    """Left and right exchanged."""

    def __call__(self, images: Tensor, draws: Draws) -> Tensor:
        """The mirrored images."""
        return images.flip(-1)


@dataclass(frozen=True)
class Shift:
    """A shift by whole pixels; the edge is repeated."""

    down: int
    right: int

    def __post_init__(self) -> None:
        if max(abs(self.down), abs(self.right)) < 1:
            raise DataError("a shift by no pixel is the image itself")

    def __call__(self, images: Tensor, draws: Draws) -> Tensor:
        """The shifted images."""
        far = max(abs(self.down), abs(self.right))
        height, width = images.shape[-2:]
        padded = F.pad(images, (far, far, far, far), mode="replicate")
        top, left = far - self.down, far - self.right
        return padded[..., top : top + height, left : left + width]


@dataclass(frozen=True)
class GaussianNoise:
    """Gaussian noise, clipped to [0, 1].

    Attributes:
        grey_levels: its standard deviation, of 255.
        seed: of the noise, which is the same for every image, so that an image is always judged alike. None draws it
            anew for every example and iteration: an attacker's expectation over transformations (arXiv:1707.07397).
        number: which of several.
    """

    grey_levels: float
    seed: int | None = 0
    number: int = 0

    def __call__(self, images: Tensor, draws: Draws) -> Tensor:
        """The noisy images."""
        if self.seed is None:
            noise = _normal(draws.uniform(f"noise {self.number}", 2, *images.shape[1:]))
        else:
            generator = torch.Generator().manual_seed(1_000_003 * self.seed + self.number)
            noise = torch.randn(images.shape[1:], generator=generator)
        return (images + self.grey_levels / 255 * noise.to(images)).clamp(0, 1)


def _normal(uniform: Tensor) -> Tensor:
    """Normal numbers ``(N, ...)`` of uniform ones ``(N, 2, ...)`` (Box and Muller 1958)."""
    return (-2 * torch.log1p(-uniform[:, 0])).sqrt() * torch.cos(2 * torch.pi * uniform[:, 1])


@dataclass(frozen=True)
class BitDepth:
    """Fewer grey levels (Xu et al. 2018, arXiv:1704.01155); its gradient is that of the image as it is (BPDA)."""

    bits: int

    def __post_init__(self) -> None:
        if not 1 <= self.bits <= 8:
            raise DataError(f"a bit depth is 1 to 8, got {self.bits}")

    def __call__(self, images: Tensor, draws: Draws) -> Tensor:
        """The images with ``2 ** bits`` grey levels."""
        top = 2**self.bits - 1
        fewer: Tensor = images + ((images * top).round() / top - images).detach()
        return fewer


@dataclass(frozen=True)
class MedianFilter:
    """The median of each ``side`` by ``side`` pixels (likewise); the edge is repeated."""

    side: int = 2

    def __call__(self, images: Tensor, draws: Draws) -> Tensor:
        """The smoothed images."""
        before = (self.side - 1) // 2
        after = self.side - 1 - before
        padded = F.pad(images, (before, after, before, after), mode="replicate")
        height, width = images.shape[-2:]
        near = [
            padded[..., i : i + height, j : j + width]  # the patch, a shifted image for each place in it
            for i in range(self.side)
            for j in range(self.side)
        ]
        median: Tensor = torch.stack(near).median(dim=0).values
        return median
