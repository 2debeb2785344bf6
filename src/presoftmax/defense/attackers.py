"""Attackers who know the detector: any attack of the package, made to pass it, in the one loop.

Each takes an attack and gives an attack: its views are joined by those that the detector shows the model, and its
objective sees the logits of all of them. What they know is everything: model, detector, threshold and noise.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from presoftmax.attacks import (
    Attack,
    Goal,
    Gradients,
    Objective,
    Update,
    View,
    as_objective,
)
from presoftmax.defense.answers import answers_of, joined_views, rows_of
from presoftmax.defense.conformal import smallest_rate, surprise
from presoftmax.defense.detector import Detector
from presoftmax.defense.views import GaussianNoise
from presoftmax.errors import AttackError

__all__ = ["ATTACKERS", "MimicryBank", "mimicking", "orthogonal", "penalized", "selective", "with_drawn_noise"]


@dataclass(frozen=True)
class _Evading(Objective):
    """What those who know a detector share: the attack's own objective, and how surprising the detector finds it."""

    objective: Objective
    detector: Detector
    own_rows: tuple[int, ...]
    detector_rows: tuple[int, ...]
    targeted: bool

    def _own(self, logits: Tensor, goal: Goal) -> Tensor:
        return self.objective(logits[list(self.own_rows)], goal)

    def _seen(self, logits: Tensor) -> Tensor:
        """What the detector sees, where the detector is."""
        return logits[list(self.detector_rows)].to(self.detector.calibration.device).double()

    def loss_class(self, goal: Goal) -> Tensor | None:
        """That of the attack's own objective."""
        return self.objective.loss_class(goal)


@dataclass(frozen=True)
class _Penalized(_Evading):
    weight: float = 1.0
    cap: float | None = None

    def __call__(self, logits: Tensor, goal: Goal) -> Tensor:
        """The objective less the weighted surprise, as far as it is above the cap."""
        own = self._own(logits, goal)
        if self.weight == 0:
            return own
        found = self.detector.surprise(self._seen(logits)).to(logits)
        return own - self.weight * (found if self.cap is None else (found - self.cap).clamp_min(0))


def penalized(attack: Attack, detector: Detector, weight: float = 1.0, cap: float | None = None) -> Attack:
    """The attack with a penalty on the detector's statistic (Carlini and Wagner 2017, arXiv:1705.07263).

    The penalty is ``weight`` times minus the log of the statistic's smooth p-value (`Detector.surprise`, in nats), or
    only what of it lies above ``cap``: ``cap=-log(0.05)`` asks for no more than to pass at 5 %. With a weight of 0 it
    is the plain attack.

    Raises:
        AttackError: a negative weight, or a detector that is not fitted.
    """
    if not weight >= 0:
        raise AttackError(f"the weight of a penalty is at least 0, got {weight}")
    return _made(attack, detector, "penalized", lambda base: _Penalized(*base, weight=weight, cap=cap))


@dataclass(frozen=True)
class _Selective(_Evading):
    threshold: float = 0.0

    def __call__(self, logits: Tensor, goal: Goal) -> Tensor:
        """The attack's objective until it fools, and again while it is not flagged; to be less surprising otherwise."""
        hide, quiet = self._look(logits, goal)
        return torch.where(hide, quiet, self._own(logits, goal))

    def _look(self, logits: Tensor, goal: Goal) -> tuple[Tensor, Tensor]:
        """Which examples fool and are flagged, and minus their surprise, from one statistic, each ``(N,)``."""
        statistic = self.detector.statistic(self._seen(logits))
        flagged = (statistic.detach() > self.threshold).to(logits.device)
        return _fools(logits[0], goal) & flagged, -surprise(self.detector.calibration, statistic).to(logits)


def selective(attack: Attack, detector: Detector, fpr: float = 0.05) -> Attack:
    """Selective PGD (Bryniarski et al. 2021, arXiv:2106.15023): one aim at a time, never a sum of two.

    While the image does not fool the source, or passes at ``fpr`` (or at the smallest rate that so few natural images
    can set), the step is the attack's; once it fools and is flagged, the step makes it less surprising.
    """
    threshold = _threshold(detector, fpr)
    return _made(attack, detector, "selective", lambda base: _Selective(*base, threshold=threshold))


@dataclass(frozen=True)
class _Orthogonal(_Selective):
    gradients: ClassVar[int] = 2

    def __call__(self, logits: Tensor, goal: Goal) -> Tensor:
        """What is aimed at, and what the step is to leave alone, ``(2, N)``."""
        (hide, quiet), own = self._look(logits, goal), self._own(logits, goal)
        return torch.stack((torch.where(hide, quiet, own), torch.where(hide, own, quiet)))


@dataclass(frozen=True)
class _OrthogonalStep(Update):
    update: Update
    gradients: ClassVar[int] = 2

    @property
    def looks_ahead(self) -> bool:
        """As the update does."""
        return self.update.looks_ahead

    def ahead(self, state: Any) -> Tensor:
        """Of the update."""
        return self.update.ahead(state)

    def start(self, images: Tensor) -> Any:
        """Of the update."""
        return self.update.start(images)

    def step(self, gradients: Gradients, state: Any) -> tuple[Tensor, Any]:
        """The update's step for the first gradient, without what of it would lower the second number."""
        first, second = gradients
        along = (first * second).sum(dim=(1, 2, 3), keepdim=True).clamp_max(0)
        square = second.square().sum(dim=(1, 2, 3), keepdim=True)
        return self.update.step((first - along / square.clamp_min(torch.finfo(square.dtype).tiny) * second,), state)


def orthogonal(attack: Attack, detector: Detector, fpr: float = 0.05) -> Attack:
    """Orthogonal PGD (likewise): `selective`, each step at right angles to the gradient of the other aim.

    Only where the two are at odds: a step that serves both aims is taken as it is (theirs never is, and stands still
    where the gradients are parallel).
    """
    threshold = _threshold(detector, fpr)
    return _made(attack, detector, "orthogonal", lambda base: _Orthogonal(*base, threshold=threshold), two=True)


@dataclass(frozen=True)
class MimicryBank:
    """Natural images' logits under every view, to be mimicked.

    Attributes:
        views: of the image.
        logits: ``(V, K, M)`` float32.
    """

    views: tuple[View, ...]
    logits: Tensor

    @classmethod
    def of(cls, model: Any, images: Any, views: tuple[View, ...]) -> "MimicryBank":
        """The logits of natural images ``(K, 3, H, W)``, of those that are finite."""
        joined = joined_views(views)
        logits = answers_of(model, images, joined).float()
        return cls(joined, logits[:, logits.isfinite().all(dim=-1).all(dim=0)])


@dataclass(frozen=True)
class _Mimicry(Objective):
    bank: Tensor
    rows: tuple[int, ...]
    targeted: bool = True

    def __call__(self, logits: Tensor, goal: Goal) -> Tensor:
        """Minus the mean square distance to the natural image's logits, over views and classes."""
        wanted = mimicked(self.bank.to(logits), goal)
        return -(logits[list(self.rows)] - wanted).square().mean(dim=(0, 2))


def mimicked(bank: Tensor, goal: Goal) -> Tensor:
    """The natural logits ``(V, N, M)`` that each example mimics: of an image that is taken for its (first) target.

    Where the bank ``(V, K, M)`` has none of that class, another's, with its top class and the target exchanged.
    """
    top = bank[0].argmax(dim=1)
    chosen, targets = [], goal.targets[:, 0].tolist()
    for target, example in zip(targets, goal.examples.tolist(), strict=True):
        of_class = (top == target).nonzero()[:, 0]
        if len(of_class):
            chosen.append(bank[:, int(of_class[example % len(of_class)])])
        else:
            other = example % len(top)
            order = torch.arange(bank.shape[2], device=bank.device)
            order[[target, int(top[other])]] = order[[int(top[other]), target]]
            chosen.append(bank[:, other][:, order])
    return torch.stack(chosen, dim=1)


def mimicking(attack: Attack, bank: MimicryBank, name: str = "") -> Attack:
    """The attack's update, ball and steps on another aim: to answer as a natural image of the target class does.

    With the logits of the image itself in the bank it mimics these; with those of copies, how they move too: no
    detector that sees nothing else can tell the image from the natural one.
    """
    if len(bank.logits.shape) != 3 or bank.logits.shape[1] == 0:
        raise AttackError("there is no natural image with finite logits to mimic")
    objective = _Mimicry(bank.logits, tuple(range(len(bank.views))))
    return replace(
        attack, name=name or f"{attack.name}-mimicry", objective=objective, num_targets=max(1, attack.num_targets),
        views=bank.views,
    )  # fmt: skip


def with_drawn_noise(attack: Attack) -> Attack:
    """The attack of one who does not know the noise: drawn anew at each step instead (EOT, arXiv:1707.07397)."""
    drawn = tuple(replace(view, seed=None) if isinstance(view, GaussianNoise) else view for view in attack.views)
    return replace(attack, views=drawn, name=f"{attack.name}-eot")


def selective_eot(attack: Attack, detector: Detector) -> Attack:
    """`selective`, by one who does not know the noise."""
    return with_drawn_noise(selective(attack, detector))


ATTACKERS: dict[str, Callable[[Attack, Detector], Attack]] = {
    "penalized": penalized,
    "selective": selective,
    "orthogonal": orthogonal,
    "selective-eot": selective_eot,
}
"""Attackers of a detector by name; `mimicking` takes natural images' logits besides."""


def _threshold(detector: Detector, fpr: float) -> float:
    """For ``fpr``, or for the smallest rate that so few natural images can set."""
    return detector.threshold(max(fpr, smallest_rate(len(detector.calibration)))) if detector.is_fitted else 0.0


def _made(
    attack: Attack,
    detector: Detector,
    name: str,
    objective: Callable[[tuple[Objective, Detector, tuple[int, ...], tuple[int, ...], bool]], Objective],
    two: bool = False,
) -> Attack:
    if not detector.is_fitted:
        raise AttackError(f"the detector {detector.kind} is not fitted: there is nothing to know of it yet")
    own = as_objective(attack.objective)
    if own.gradients != 1:
        raise AttackError(f"{name} attacks need an objective of one number, {type(own).__name__} gives {own.gradients}")
    views = joined_views(attack.views, detector.views)
    rows = tuple(rows_of(attack.views, views)), tuple(rows_of(detector.views, views))
    return replace(
        attack,
        name=f"{attack.name}-{name}",
        objective=objective((own, detector, *rows, own.targeted)),
        update=_OrthogonalStep(attack.update) if two else attack.update,
        views=views,
    )


def _fools(logits: Tensor, goal: Goal) -> Tensor:
    """Whether the source takes an image for one of its targets, or, without, for another class than its own."""
    top = logits.argmax(dim=1)
    if goal.targets.shape[1]:
        return (goal.targets == top[:, None]).any(dim=1)
    return top != goal.labels
