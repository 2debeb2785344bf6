"""What an attack drives up: a differentiable number per example, from logits.

An objective is any callable ``(logits (N, M), goal) -> (N,)``. It must treat each example by itself, so that the
gradient of the sum over the batch is the gradient of each. One whose gradient can vanish in the very logit that it is
about has a method ``driven(goal) -> (N,)`` that names this class, so that the loop can count where it happened.
"""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = [
    "DLR",
    "CarliniWagner",
    "CrossEntropy",
    "Goal",
    "LevelTargets",
    "Objective",
    "RankedTargets",
    "TargetLogit",
    "TargetMargin",
]


class Goal(NamedTuple):
    """What the attack knows of each example besides its image.

    Attributes:
        labels: int64 ``(N,)``, true classes.
        targets: int64 ``(N, k)``, classes to drive up, the first one first.
    """

    labels: Tensor
    targets: Tensor


class Objective(Protocol):
    """A number per example to be driven up."""

    def __call__(self, logits: Tensor, goal: Goal) -> Tensor:
        """``(N, M)`` logits to ``(N,)``, differentiable in the logits."""
        ...


@dataclass(frozen=True)
class TargetLogit:
    """Logit of the first target: the over-optimized attack (paper, Appendix B)."""

    def __call__(self, logits: Tensor, goal: Goal) -> Tensor:
        """``z_t``."""
        return logits.gather(1, goal.targets[:, :1])[:, 0]


@dataclass(frozen=True)
class RankedTargets:
    """Weighted sum of the targets' logits, the lower logit with the larger weight (paper, Appendix B).

    The weight falls linearly with the rank of the target's logit among the targets, from ``high`` for the lowest to
    ``low`` for the highest; for two targets this is the paper's rule. Weights carry no gradient.
    """

    low: float = 0.05
    high: float = 0.1

    def weights(self, target_logits: Tensor) -> Tensor:
        """Multipliers ``(N, k)`` for targets with these logits ``(N, k)``; ties go by position."""
        k = target_logits.shape[1]
        ranks = target_logits.argsort(dim=1, stable=True).argsort(dim=1, stable=True)
        ladder = torch.linspace(self.high, self.low, k, dtype=target_logits.dtype, device=target_logits.device)
        return ladder[ranks]

    def __call__(self, logits: Tensor, goal: Goal) -> Tensor:
        """``sum_i w_i z_i`` over the targets."""
        chosen = logits.gather(1, goal.targets)
        return (self.weights(chosen.detach()) * chosen).sum(dim=1)


@dataclass(frozen=True)
class LevelTargets:
    """Smooth minimum of the targets' logits, which holds them level: confidence goes to ``1 / k``.

    ``-temperature * logsumexp(-z_i / temperature)`` over the targets. Its gradient is a weighted mean of the targets'
    gradients in which a target that lags by a few temperatures takes nearly all of the weight, whatever the common
    size of the logits; `RankedTargets` never gives the highest target less than its fixed share. To hold them within
    about one logit, steps must not overshoot: combine it with `CappedStep`.

    Attributes:
        temperature: in logit units; the smaller, the closer the logits are held together.
    """

    temperature: float = 1.0

    def __call__(self, logits: Tensor, goal: Goal) -> Tensor:
        """The smooth minimum of the targets' logits."""
        chosen = logits.gather(1, goal.targets)
        return -self.temperature * torch.logsumexp(-chosen / self.temperature, dim=1)


@dataclass(frozen=True)
class TargetMargin:
    """Logit of the first target less the largest other one (the inner part of Carlini and Wagner, arXiv:1608.04644)."""

    def __call__(self, logits: Tensor, goal: Goal) -> Tensor:
        """``z_t - max_{j != t} z_j``."""
        target = goal.targets[:, :1]
        others = logits.scatter(1, target, -torch.inf)
        return logits.gather(1, target)[:, 0] - others.amax(dim=1)


@dataclass(frozen=True)
class CrossEntropy:
    """Log-probability of the first target, or, untargeted, minus that of the true class.

    Its gradient vanishes once the softmax saturates (see `presoftmax.numerics`); it is here because most attacks use
    it.
    """

    targeted: bool = True

    def driven(self, goal: Goal) -> Tensor:
        """The class whose probability it is about."""
        return goal.targets[:, 0] if self.targeted else goal.labels

    def __call__(self, logits: Tensor, goal: Goal) -> Tensor:
        """``log p_t``, or ``-log p_y``."""
        loss = F.cross_entropy(logits, self.driven(goal), reduction="none")
        return -loss if self.targeted else loss


@dataclass(frozen=True)
class CarliniWagner:
    """Margin up to ``kappa`` (Carlini and Wagner 2017, arXiv:1608.04644, f_6): of the target, or over the true class.

    The best other class is found with -inf in place of the class itself (their code uses -10000, which is not below
    every logit). Beyond ``kappa`` the gradient is zero: the attack stops there on purpose.
    """

    kappa: float = 0.0
    targeted: bool = True

    def __call__(self, logits: Tensor, goal: Goal) -> Tensor:
        """``min(z_t - max_{j != t} z_j, kappa)``, or ``min(max_{j != y} z_j - z_y, kappa)``."""
        own = goal.targets[:, :1] if self.targeted else goal.labels[:, None]
        margin = logits.gather(1, own)[:, 0] - logits.scatter(1, own, -torch.inf).amax(dim=1)
        return (margin if self.targeted else -margin).clamp_max(self.kappa)


@dataclass(frozen=True)
class DLR:
    """Difference of logits ratio (Croce and Hein 2020, arXiv:2003.01690): blind to shift and scale of the logits.

    Sorted logits ``z_1 >= z_2 >= ...``; needs 3 classes, or 4 for a target. Untargeted, it is exactly 1 and without
    gradient once the true class has fallen to the third place: it does not over-optimize.
    """

    targeted: bool = False

    def __call__(self, logits: Tensor, goal: Goal) -> Tensor:
        """``-(z_y - max_{j != y} z_j) / (z_1 - z_3)``, or ``-(z_y - z_t) / (z_1 - (z_3 + z_4) / 2)``."""
        ordered = logits.sort(dim=1, descending=True).values
        true = logits.gather(1, goal.labels[:, None])
        if self.targeted:
            gap = (true - logits.gather(1, goal.targets[:, :1]))[:, 0]
            return -gap / (ordered[:, 0] - (ordered[:, 2] + ordered[:, 3]) / 2 + _TINY)
        gap = true[:, 0] - logits.scatter(1, goal.labels[:, None], -torch.inf).amax(dim=1)
        return -gap / (ordered[:, 0] - ordered[:, 2] + _TINY)


_TINY = 1e-12
