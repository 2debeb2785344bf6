"""From a gradient to a step.

An update is a value and has no memory of its own: ``start`` makes the state for a batch, ``step`` takes the gradients
and the state and returns the step and the next state, ``ahead`` says where the next gradients are wanted. A step is
ADDED to the image, in the space of the attack.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from presoftmax.attacks._checks import between, positive, whole
from presoftmax.errors import AttackError
from presoftmax.lazy import deferred

if TYPE_CHECKING:
    import torch
    import torch.nn.functional as F
    from torch import Tensor
else:
    torch = deferred("torch")
    F = deferred("torch.nn.functional")

__all__ = [
    "AdamStep",
    "CappedStep",
    "GradientStep",
    "Gradients",
    "MomentumSignStep",
    "NesterovSignStep",
    "NormalizedStep",
    "SignStep",
    "Smoothed",
    "Update",
]

_MOST_DECAY = 10.0
_MOST_SIDE = 1023
State = Any
Gradients = tuple["Tensor", ...]
"""One ``(N, C, H, W)`` for each number that the objective gives of an example: one, for most."""


class Update:
    """A rule that turns gradients into steps. The base of all updates: subclass it and say `step`.

    Attributes:
        gradients: how many it takes, as many as the objective gives.
        looks_ahead: whether it wants gradients at another image than the recorded one, which costs passes of their own.
    """

    gradients: ClassVar[int] = 1

    @property
    def looks_ahead(self) -> bool:
        """Whether `ahead` is asked."""
        return False

    def start(self, images: Tensor) -> State:
        """State for a batch of float images ``(N, C, H, W)``; none for an update without memory."""
        return None

    def ahead(self, state: State) -> Tensor:
        """Offset ``(N, C, H, W)`` from the image at which the next gradients are wanted, if it looks ahead."""
        raise NotImplementedError

    def step(self, gradients: Gradients, state: State) -> tuple[Tensor, State]:
        """The step ``(N, C, H, W)`` for these gradients of the objective, and the next state."""
        raise NotImplementedError


@dataclass(frozen=True)
class _Sized(Update):
    size: float

    def __post_init__(self) -> None:
        positive("the step size", self.size)


@dataclass(frozen=True)
class GradientStep(_Sized):
    """Plain gradient ascent, ``size * gradient`` (the paper's)."""

    def step(self, gradients: Gradients, state: State) -> tuple[Tensor, State]:
        """``size * gradient``."""
        (gradient,) = gradients
        return self.size * gradient, state


@dataclass(frozen=True)
class CappedStep(_Sized):
    """Gradient ascent that promises no more than a given rise of the objective in one step.

    A plain step promises (to first order) a rise of ``size * ||gradient||_2 ** 2``. Where that is many logits the real
    network does not follow, and the logits jump about; this step is shortened until it promises ``max_gain``.
    """

    max_gain: float

    def __post_init__(self) -> None:
        super().__post_init__()
        positive("max_gain", self.max_gain)

    def step(self, gradients: Gradients, state: State) -> tuple[Tensor, State]:
        """``min(size, max_gain / ||gradient||_2 ** 2) * gradient``, per example."""
        (gradient,) = gradients
        square = gradient.square().sum(dim=(1, 2, 3), keepdim=True)
        length = (self.max_gain / square.clamp_min(torch.finfo(square.dtype).tiny)).clamp_max(self.size)
        return length * gradient, state


@dataclass(frozen=True)
class SignStep(_Sized):
    """``size * sign(gradient)``: the step of FGSM, BIM and L-infinity PGD (arXiv:1607.02533, arXiv:1706.06083)."""

    def step(self, gradients: Gradients, state: State) -> tuple[Tensor, State]:
        """``size * sign(gradient)``."""
        (gradient,) = gradients
        return self.size * gradient.sign(), state


@dataclass(frozen=True)
class NormalizedStep(_Sized):
    """A step of L2 length ``size`` along the gradient: L2 PGD. No step where the gradient is zero."""

    def step(self, gradients: Gradients, state: State) -> tuple[Tensor, State]:
        """``size * gradient / ||gradient||_2``, per example."""
        (gradient,) = gradients
        norm = torch.linalg.vector_norm(gradient, dim=(1, 2, 3), keepdim=True)
        return self.size * gradient / norm.clamp_min(torch.finfo(norm.dtype).tiny), state


@dataclass(frozen=True)
class MomentumSignStep(_Sized):
    """MI-FGSM (Dong et al. 2018, arXiv:1710.06081): the sign of an accumulated, L1-normalized gradient.

    The mean of the absolute values stands in for the L1 norm, as in all code of the field: the sign does not see the
    factor between them.
    """

    decay: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        between("decay", self.decay, 0, _MOST_DECAY)

    def start(self, images: Tensor) -> State:
        """No momentum yet."""
        return torch.zeros_like(images)

    def step(self, gradients: Gradients, state: State) -> tuple[Tensor, State]:
        """``size * sign(m)`` with ``m <- decay * m + gradient / mean|gradient|``."""
        (gradient,) = gradients
        scale = gradient.abs().mean(dim=(1, 2, 3), keepdim=True)
        momentum = self.decay * state + gradient / scale.clamp_min(torch.finfo(scale.dtype).tiny)
        return self.size * momentum.sign(), momentum


@dataclass(frozen=True)
class NesterovSignStep(MomentumSignStep):
    """NI-FGSM (Lin et al. 2020, arXiv:1908.06281): MI-FGSM with the gradient where the momentum alone would lead."""

    @property
    def looks_ahead(self) -> bool:
        """Along the momentum."""
        return True

    def ahead(self, state: State) -> Tensor:
        """``size * decay * m``."""
        offset: Tensor = self.size * self.decay * state
        return offset


class _Moments(NamedTuple):
    first: Tensor
    second: Tensor
    steps: int


@dataclass(frozen=True)
class AdamStep(_Sized):
    """Adam (Kingma and Ba 2015, arXiv:1412.6980), upwards.

    Attributes:
        size: learning rate.
        first_decay: beta 1.
        second_decay: beta 2.
        tiny: epsilon.
    """

    first_decay: float = 0.9
    second_decay: float = 0.999
    tiny: float = 1e-8

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("first_decay", "second_decay"):
            if between(name, getattr(self, name), 0, 1) == 1:
                raise AttackError(f"{name} must be below 1, got 1")
        positive("tiny", self.tiny)

    def start(self, images: Tensor) -> State:
        """No moments yet."""
        return _Moments(torch.zeros_like(images), torch.zeros_like(images), 0)

    def step(self, gradients: Gradients, state: State) -> tuple[Tensor, State]:
        """``size * m / (sqrt(v) + tiny)`` with the bias-corrected moments."""
        (gradient,) = gradients
        count = state.steps + 1
        first = torch.lerp(gradient, state.first, self.first_decay)
        second = torch.lerp(gradient.square(), state.second, self.second_decay)
        mean = first / (1 - self.first_decay**count)
        spread = (second / (1 - self.second_decay**count)).sqrt()
        return self.size * mean / (spread + self.tiny), _Moments(first, second, count)


@dataclass(frozen=True)
class Smoothed(Update):
    """TI-FGSM (Dong et al. 2019, arXiv:1904.02884): the gradient is smoothed before another update sees it.

    The kernel is a Gaussian of ``side`` points from -3 to 3 standard deviations; the border is padded with zeros.

    Attributes:
        update: what then steps.
        side: of the kernel, odd: 15 in that paper, 5 in that of the logit attack.
    """

    update: Update
    side: int = 15

    def __post_init__(self) -> None:
        if whole("the side of the kernel", self.side, 1, _MOST_SIDE) % 2 == 0:
            raise AttackError(f"the side of the kernel must be odd, got {self.side}")

    def start(self, images: Tensor) -> State:
        """Of the update."""
        return self.update.start(images)

    @property
    def looks_ahead(self) -> bool:
        """As the update does."""
        return self.update.looks_ahead

    def ahead(self, state: State) -> Tensor:
        """Of the update."""
        return self.update.ahead(state)

    def step(self, gradients: Gradients, state: State) -> tuple[Tensor, State]:
        """The update's step for the smoothed gradient."""
        (gradient,) = gradients
        channels = gradient.shape[1]
        kernel = _gaussian(self.side, gradient.device).expand(channels, 1, -1, -1)
        return self.update.step((F.conv2d(gradient, kernel, padding="same", groups=channels),), state)


@cache
def _gaussian(side: int, device: torch.device) -> Tensor:
    """``(side, side)``, sums to 1."""
    if side == 1:
        return torch.ones(1, 1, device=device)
    line = torch.exp(-torch.linspace(-3, 3, side, dtype=torch.float64).square() / 2)
    kernel = torch.outer(line, line)
    return (kernel / kernel.sum()).float().to(device)
