"""What an attack drives up: a differentiable number per example, from the source's logits.

An objective is asked once per iteration, with the logits of every view of the image that the attack shows to the source
(most show one, the image itself) and with what is known of each example. It must treat each example by itself, so that
the gradient of the sum over the batch is the gradient of each.

* One that looks at a single image at a time is a `LossOfView`: it says `loss`, and is averaged over the views.
* One that compares views (a defense that looks at copies of the image, say) says `Objective.__call__` itself.
* A plain function ``(logits (N, M), goal) -> (N,)`` is taken as a `LossOfView` wherever an objective is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from presoftmax.attacks._checks import LARGEST, between, positive
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
    "DLR",
    "CarliniWagner",
    "CrossEntropy",
    "FunctionLoss",
    "Goal",
    "LevelTargets",
    "LossOfView",
    "Objective",
    "RankedTargets",
    "TargetLogit",
    "TargetMargin",
    "as_objective",
]

LossFunction = Callable[["Tensor", "Goal"], "Tensor"]
"""``(logits (N, M), goal) -> (N,)``."""


class Goal(NamedTuple):
    """What the attack knows of each example besides its image.

    Attributes:
        labels: int64 ``(N,)``, true classes.
        targets: int64 ``(N, k)``, classes to drive up, the first one first; k is 0 where there are none.
        examples: int64 ``(N,)``, positions of the examples in the attacked images.
    """

    labels: Tensor
    targets: Tensor
    examples: Tensor

    @classmethod
    def of(cls, labels: Tensor, targets: Tensor | None = None) -> Goal:
        """Of examples that are numbered from 0; without targets when left out."""
        driven = labels.new_zeros((len(labels), 0)) if targets is None else targets
        return cls(labels, driven, torch.arange(len(labels), device=labels.device))


class Objective:
    """What is driven up. The base of all objectives: subclass it, or `LossOfView`.

    Attributes:
        gradients: how many numbers it gives for each example, of which an update gets a gradient each.
        targeted: whether it is about target classes; an attack without has none.
    """

    gradients: ClassVar[int] = 1
    targeted: bool = True

    def __call__(self, logits: Tensor, goal: Goal) -> Tensor:
        """The numbers to be driven up.

        Args:
            logits: ``(V, N, M)``, of V views of the image, in the order of the attack's ``views``.
            goal: of the N examples.

        Returns:
            ``(N,)``, or ``(gradients, N)``; differentiable in the logits.
        """
        raise NotImplementedError

    def loss_class(self, goal: Goal) -> Tensor | None:
        """The class ``(N,)`` that the loss is about, if its gradient can vanish in that logit and not in the others.

        The loop counts where that happens: what is left of the gradient points somewhere else.
        """
        return None


class LossOfView(Objective):
    """An objective that looks at one view at a time; with several views it is their mean."""

    def loss(self, logits: Tensor, goal: Goal) -> Tensor:
        """``(N, M)`` logits to ``(N,)``, differentiable in the logits."""
        raise NotImplementedError

    def __call__(self, logits: Tensor, goal: Goal) -> Tensor:
        """The mean over the views of `loss`, ``(V, N, M) -> (N,)``."""
        losses = [self.loss(each, goal) for each in logits]
        return losses[0] if len(losses) == 1 else torch.stack(losses).mean(dim=0)


@dataclass(frozen=True)
class FunctionLoss(LossOfView):
    """A plain function as an objective."""

    function: LossFunction
    targeted: bool = True

    def loss(self, logits: Tensor, goal: Goal) -> Tensor:
        """What the function says."""
        return self.function(logits, goal)


def as_objective(objective: Objective | LossFunction, targeted: bool = True) -> Objective:
    """An `Objective` as it is, a function as a `FunctionLoss` that is about targets or not."""
    if isinstance(objective, Objective):
        return objective
    if not callable(objective):
        raise AttackError(f"an objective is an Objective or a function, not {type(objective).__name__}")
    return FunctionLoss(objective, targeted)


@dataclass(frozen=True)
class TargetLogit(LossOfView):
    """Logit of the first target: the over-optimized attack (paper, Appendix B)."""

    def loss(self, logits: Tensor, goal: Goal) -> Tensor:
        """``z_t``."""
        return logits.gather(1, goal.targets[:, :1])[:, 0]


@dataclass(frozen=True)
class RankedTargets(LossOfView):
    """Weighted sum of the targets' logits, the lower logit with the larger weight (paper, Appendix B).

    The weight falls linearly with the rank of the target's logit among the targets, from ``high`` for the lowest to
    ``low`` for the highest; for two targets this is the paper's rule. Weights carry no gradient.
    """

    low: float = 0.05
    high: float = 0.1

    def __post_init__(self) -> None:
        between("low", self.low, 0, LARGEST)
        between("high", self.high, 0, LARGEST)

    def weights(self, target_logits: Tensor) -> Tensor:
        """Multipliers ``(N, k)`` for targets with these logits ``(N, k)``; ties go by position."""
        k = target_logits.shape[1]
        ranks = target_logits.argsort(dim=1, stable=True).argsort(dim=1, stable=True)
        ladder = torch.linspace(self.high, self.low, k, dtype=target_logits.dtype, device=target_logits.device)
        return ladder[ranks]

    def loss(self, logits: Tensor, goal: Goal) -> Tensor:
        """``sum_i w_i z_i`` over the targets."""
        chosen = logits.gather(1, goal.targets)
        return (self.weights(chosen.detach()) * chosen).sum(dim=1)


@dataclass(frozen=True)
class LevelTargets(LossOfView):
    """Smooth minimum of the targets' logits, which holds them level: confidence goes to ``1 / k``.

    ``-temperature * logsumexp(-z_i / temperature)`` over the targets. Its gradient is a weighted mean of the targets'
    gradients in which a target that lags by a few temperatures takes nearly all of the weight, whatever the common
    size of the logits; `RankedTargets` never gives the highest target less than its fixed share. To hold them within
    about one logit, steps must not overshoot: combine it with `CappedStep`.

    Attributes:
        temperature: in logit units; the smaller, the closer the logits are held together.
    """

    temperature: float = 1.0

    def __post_init__(self) -> None:
        positive("temperature", self.temperature)

    def loss(self, logits: Tensor, goal: Goal) -> Tensor:
        """The smooth minimum of the targets' logits."""
        chosen = logits.gather(1, goal.targets)
        return -self.temperature * torch.logsumexp(-chosen / self.temperature, dim=1)


@dataclass(frozen=True)
class TargetMargin(LossOfView):
    """Logit of the first target less the largest other one (the inner part of Carlini and Wagner, arXiv:1608.04644)."""

    def loss(self, logits: Tensor, goal: Goal) -> Tensor:
        """``z_t - max_{j != t} z_j``."""
        target = goal.targets[:, :1]
        others = logits.scatter(1, target, -torch.inf)
        return logits.gather(1, target)[:, 0] - others.amax(dim=1)


@dataclass(frozen=True)
class CrossEntropy(LossOfView):
    """Log-probability of the first target, or, untargeted, minus that of the true class.

    Its gradient vanishes once the softmax saturates (see `presoftmax.numerics`); it is here because most attacks use
    it.
    """

    targeted: bool = True

    def loss_class(self, goal: Goal) -> Tensor:
        """The class whose probability it is about."""
        return goal.targets[:, 0] if self.targeted else goal.labels

    def loss(self, logits: Tensor, goal: Goal) -> Tensor:
        """``log p_t``, or ``-log p_y``."""
        loss = F.cross_entropy(logits, self.loss_class(goal), reduction="none")
        return -loss if self.targeted else loss


@dataclass(frozen=True)
class CarliniWagner(LossOfView):
    """Margin up to ``kappa`` (Carlini and Wagner 2017, arXiv:1608.04644, f_6): of the target, or over the true class.

    The best other class is found with -inf in place of the class itself (their code uses -10000, which is not below
    every logit). Beyond ``kappa`` the gradient is zero: the attack stops there on purpose.
    """

    kappa: float = 0.0
    targeted: bool = True

    def __post_init__(self) -> None:
        between("kappa", self.kappa, 0, LARGEST)

    def loss(self, logits: Tensor, goal: Goal) -> Tensor:
        """``min(z_t - max_{j != t} z_j, kappa)``, or ``min(max_{j != y} z_j - z_y, kappa)``."""
        own = goal.targets[:, :1] if self.targeted else goal.labels[:, None]
        margin = logits.gather(1, own)[:, 0] - logits.scatter(1, own, -torch.inf).amax(dim=1)
        return (margin if self.targeted else -margin).clamp_max(self.kappa)


@dataclass(frozen=True)
class DLR(LossOfView):
    """Difference of logits ratio (Croce and Hein 2020, arXiv:2003.01690): blind to shift and scale of the logits.

    Sorted logits ``z_1 >= z_2 >= ...``; needs 3 classes, or 4 for a target. Untargeted, it is exactly 1 and without
    gradient once the true class has fallen to the third place: it does not over-optimize.
    """

    targeted: bool = False

    def loss(self, logits: Tensor, goal: Goal) -> Tensor:
        """``-(z_y - max_{j != y} z_j) / (z_1 - z_3)``, or ``-(z_y - z_t) / (z_1 - (z_3 + z_4) / 2)``."""
        ordered = logits.sort(dim=1, descending=True).values
        true = logits.gather(1, goal.labels[:, None])
        if self.targeted:
            gap = (true - logits.gather(1, goal.targets[:, :1]))[:, 0]
            return -gap / (ordered[:, 0] - (ordered[:, 2] + ordered[:, 3]) / 2 + _TINY)
        gap = true[:, 0] - logits.scatter(1, goal.labels[:, None], -torch.inf).amax(dim=1)
        return -gap / (ordered[:, 0] - ordered[:, 2] + _TINY)


_TINY = 1e-12
