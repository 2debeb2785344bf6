"""Where an attack starts, if not at the clean image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from presoftmax.attacks._checks import positive
from presoftmax.attacks.randomness import Draws

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Start", "UniformNoise"]


class Start(Protocol):
    """A first move that needs no gradient; it makes iteration 1 out of the clean image."""

    def __call__(self, clean: Tensor, draws: Draws) -> Tensor:
        """Float images ``(N, C, H, W)`` from clean ones in [0, 1]."""
        ...


@dataclass(frozen=True)
class UniformNoise:
    """Uniform noise in the L-infinity ball: the random start of PGD (Madry et al. 2018, arXiv:1706.06083)."""

    epsilon: float

    def __post_init__(self) -> None:
        positive("epsilon", self.epsilon)

    def __call__(self, clean: Tensor, draws: Draws) -> Tensor:
        """``clean + U(-epsilon, epsilon)``."""
        noise = draws.uniform("start", *clean.shape[1:]).to(clean.device)
        return clean + self.epsilon * (2 * noise - 1)
