"""How far from the clean image an adversarial one may go. Both images are float ``(N, C, H, W)`` in [0, 1]."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

__all__ = ["Constraint", "L2Ball", "LinfBall", "Unconstrained"]


class Constraint(Protocol):
    """A set around the clean image."""

    def project(self, images: Tensor, clean: Tensor) -> Tensor:
        """The nearest images inside the set."""
        ...


@dataclass(frozen=True)
class Unconstrained:
    """Anywhere in the pixel box (the paper's attacks)."""

    def project(self, images: Tensor, clean: Tensor) -> Tensor:
        """The images as they are."""
        return images


@dataclass(frozen=True)
class LinfBall:
    """No pixel value further than ``epsilon`` (in [0, 1] units, e.g. 8 / 255) from the clean one."""

    epsilon: float

    def project(self, images: Tensor, clean: Tensor) -> Tensor:
        """Clip each value to ``clean +- epsilon``."""
        return torch.clamp(images, clean - self.epsilon, clean + self.epsilon)


@dataclass(frozen=True)
class L2Ball:
    """No image further than ``epsilon`` (L2, in [0, 1] units) from the clean one."""

    epsilon: float

    def project(self, images: Tensor, clean: Tensor) -> Tensor:
        """Scale a perturbation that is too long back to the surface."""
        delta = images - clean
        norm = torch.linalg.vector_norm(delta, dim=(1, 2, 3), keepdim=True)
        factor: Tensor = self.epsilon / norm.clamp_min(self.epsilon)
        return clean + delta * factor
