"""From a gradient to a step.

An update is a value with two functions and no memory of its own: ``start`` makes the state for a batch, ``step``
takes a
gradient and the state and returns the step and the next state. A step is ADDED to the image, in the space of the
attack.
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

__all__ = ["CappedStep", "GradientStep", "MomentumSignStep", "NormalizedStep", "SignStep", "Update"]

State = Tensor | None


class Update(Protocol):
    """A rule that turns gradients into steps."""

    def start(self, images: Tensor) -> State:
        """State for a batch of float images ``(N, C, H, W)``."""
        ...

    def step(self, gradient: Tensor, state: State) -> tuple[Tensor, State]:
        """The step ``(N, C, H, W)`` for this gradient of the objective, and the next state."""
        ...


@dataclass(frozen=True)
class _Memoryless:
    size: float

    def start(self, images: Tensor) -> State:
        return None


@dataclass(frozen=True)
class GradientStep(_Memoryless):
    """Plain gradient ascent, ``size * gradient`` (the paper's)."""

    def step(self, gradient: Tensor, state: State) -> tuple[Tensor, State]:
        """``size * gradient``."""
        return self.size * gradient, state


@dataclass(frozen=True)
class CappedStep(_Memoryless):
    """Gradient ascent that promises no more than a given rise of the objective in one step.

    A plain step promises (to first order) a rise of ``size * ||gradient||_2 ** 2``. Where that is many logits the real
    network does not follow, and the logits jump about; this step is shortened until it promises ``max_gain``.
    """

    max_gain: float

    def step(self, gradient: Tensor, state: State) -> tuple[Tensor, State]:
        """``min(size, max_gain / ||gradient||_2 ** 2) * gradient``, per example."""
        square = gradient.square().sum(dim=(1, 2, 3), keepdim=True)
        length = (self.max_gain / square.clamp_min(torch.finfo(square.dtype).tiny)).clamp_max(self.size)
        return length * gradient, state


@dataclass(frozen=True)
class SignStep(_Memoryless):
    """``size * sign(gradient)``: the step of FGSM, BIM and L-infinity PGD (arXiv:1607.02533, arXiv:1706.06083)."""

    def step(self, gradient: Tensor, state: State) -> tuple[Tensor, State]:
        """``size * sign(gradient)``."""
        return self.size * gradient.sign(), state


@dataclass(frozen=True)
class NormalizedStep(_Memoryless):
    """A step of L2 length ``size`` along the gradient: L2 PGD. No step where the gradient is zero."""

    def step(self, gradient: Tensor, state: State) -> tuple[Tensor, State]:
        """``size * gradient / ||gradient||_2``, per example."""
        norm = torch.linalg.vector_norm(gradient, dim=(1, 2, 3), keepdim=True)
        return self.size * gradient / norm.clamp_min(torch.finfo(norm.dtype).tiny), state


@dataclass(frozen=True)
class MomentumSignStep:
    """MI-FGSM (Dong et al. 2018, arXiv:1710.06081): the sign of an accumulated, L1-normalized gradient.

    The mean of the absolute values stands in for the L1 norm, as in all code of the field: the sign does not see the
    factor between them.
    """

    size: float
    decay: float = 1.0

    def start(self, images: Tensor) -> State:
        """No momentum yet."""
        return torch.zeros_like(images)

    def step(self, gradient: Tensor, state: State) -> tuple[Tensor, State]:
        """``size * sign(m)`` with ``m <- decay * m + gradient / mean|gradient|``."""
        scale = gradient.abs().mean(dim=(1, 2, 3), keepdim=True)
        fresh = gradient / scale.clamp_min(torch.finfo(scale.dtype).tiny)
        momentum = fresh if state is None else self.decay * state + fresh
        return self.size * momentum.sign(), momentum
