"""How far from the clean image an adversarial one may go. Both images are float ``(N, C, H, W)`` in [0, 1].

A constraint is hard (a set that images are projected into), or soft (a penalty that is part of what is driven up).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from presoftmax.attacks._checks import positive
from presoftmax.lazy import deferred

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = deferred("torch")

__all__ = ["Constraint", "L2Ball", "L2Penalty", "LinfBall", "Unconstrained"]


class Constraint(Protocol):
    """What keeps an image near the clean one."""

    def project(self, images: Tensor, clean: Tensor) -> Tensor:
        """The nearest images inside the set."""
        ...

    def penalty_gradient(self, images: Tensor, clean: Tensor) -> Tensor | None:
        """What the penalty adds to the objective's gradient; None for a hard constraint."""
        ...


class _Hard:
    def penalty_gradient(self, images: Tensor, clean: Tensor) -> Tensor | None:
        return None


@dataclass(frozen=True)
class _Ball(_Hard):
    epsilon: float

    def __post_init__(self) -> None:
        positive("epsilon", self.epsilon)


@dataclass(frozen=True)
class Unconstrained(_Hard):
    """Anywhere in the pixel box (the paper's attacks)."""

    def project(self, images: Tensor, clean: Tensor) -> Tensor:
        """The images as they are."""
        return images


@dataclass(frozen=True)
class L2Penalty:
    """``weight`` times the squared L2 distance, taken off the objective (Carlini and Wagner, arXiv:1608.04644)."""

    weight: float = 1.0

    def __post_init__(self) -> None:
        positive("the weight of the distance", self.weight)

    def project(self, images: Tensor, clean: Tensor) -> Tensor:
        """The images as they are."""
        return images

    def penalty_gradient(self, images: Tensor, clean: Tensor) -> Tensor | None:
        """``-2 * weight * (images - clean)``."""
        return -2 * self.weight * (images - clean)


@dataclass(frozen=True)
class LinfBall(_Ball):
    """No pixel value further than ``epsilon`` (in [0, 1] units, e.g. 8 / 255) from the clean one."""

    def project(self, images: Tensor, clean: Tensor) -> Tensor:
        """Clip each value to ``clean +- epsilon``."""
        return torch.clamp(images, clean - self.epsilon, clean + self.epsilon)


@dataclass(frozen=True)
class L2Ball(_Ball):
    """No image further than ``epsilon`` (L2, in [0, 1] units) from the clean one."""

    def project(self, images: Tensor, clean: Tensor) -> Tensor:
        """Scale a perturbation that is too long back to the surface."""
        delta = images - clean
        norm = torch.linalg.vector_norm(delta, dim=(1, 2, 3), keepdim=True)
        factor: Tensor = self.epsilon / norm.clamp_min(self.epsilon)
        return clean + delta * factor
