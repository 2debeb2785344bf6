"""An attack is data: what to drive up, how to step, how far to go, when to round."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from typing import Any

from presoftmax.attacks._checks import MOST_STEPS, MOST_TARGETS, whole
from presoftmax.attacks.constraints import Constraint, L2Penalty, Unconstrained
from presoftmax.attacks.objectives import LossFunction, Objective, as_objective
from presoftmax.attacks.spaces import Space
from presoftmax.attacks.starts import Start
from presoftmax.attacks.transforms import Identity, View
from presoftmax.attacks.updates import Update
from presoftmax.choices import Discretization, SecondTarget, choice
from presoftmax.errors import AttackError
from presoftmax.printing import Printed, brief
from presoftmax.text import storable

__all__ = ["Attack"]

_ANYWHERE = Unconstrained()
_AT_THE_IMAGE = (Identity(),)
_CHOICES: dict[str, type[StrEnum]] = {"discretization": Discretization, "space": Space, "second_target": SecondTarget}


@dataclass(frozen=True, repr=False)
class Attack(Printed):
    """An iterative attack; `presoftmax.trace` runs it.

    Attributes:
        name: how tables and figures call it.
        objective: what is driven up; a function ``(logits (N, M), goal) -> (N,)`` will do.
        update: how gradients become a step.
        steps: iterations after the untouched image.
        num_targets: target classes per example; 0 where the objective is not about targets (of a function, it says so).
        constraint: set around the clean image that the float image is projected to after each step, or a penalty.
        discretization: when the image is rounded.
        space: units of the update.
        second_target: where the second target comes from when targets are drawn.
        start: a first move without gradient, which makes iteration 1; none, and iteration 1 is the first step.
        views: what the source is shown for the gradient; the objective gets the logits of all of them.
    """

    name: str
    objective: Objective | LossFunction
    update: Update
    steps: int
    num_targets: int = 1
    constraint: Constraint = _ANYWHERE
    discretization: Discretization = Discretization.STRAIGHT_THROUGH
    space: Space = Space.NORMALIZED
    second_target: SecondTarget = SecondTarget.UNIFORM
    start: Start | None = None
    views: tuple[View, ...] = _AT_THE_IMAGE

    def _lines(self) -> Iterator[str]:
        yield f"Attack {brief(self.name)}: {self.steps} steps of {brief(self.update)} on {brief(self.objective)}"
        targets = f"{self.num_targets} targets" if self.num_targets else "untargeted"
        yield f"  {targets}, {brief(self.constraint)}, {self.discretization} rounding, steps in {self.space} units"

    def __post_init__(self) -> None:
        whole("num_targets", self.num_targets, 0, MOST_TARGETS)
        objective = as_objective(self.objective, targeted=self.num_targets != 0)
        count = (self.num_targets or 1) if objective.targeted else 0
        settled: dict[str, Any] = {"name": storable(self.name), "objective": objective, "num_targets": count}
        for name, kind in _CHOICES.items():
            settled[name] = choice(kind, getattr(self, name), name)
        for name, value in settled.items():
            object.__setattr__(self, name, value)
        self._check()

    def _check(self) -> None:
        if not isinstance(self.update, Update):
            raise AttackError(f"an update is an Update, not {type(self.update).__name__}")
        whole("steps", self.steps, 1, MOST_STEPS + 1)  # one more with a start
        if self.second_target is SecondTarget.RUNNER_UP and self.num_targets != 2:
            raise AttackError(f"the runner-up is a second target of two, not one of {self.num_targets}")
        if self.space.is_unbounded and not isinstance(self.constraint, Unconstrained | L2Penalty):
            raise AttackError("the tanh space knows no projection: its constraint is a penalty, or none")
        if not self.views:
            raise AttackError("an attack shows the source at least one view of the image")
        given, taken = as_objective(self.objective).gradients, self.update.gradients
        if given != taken:
            raise AttackError(
                f"{type(self.objective).__name__} gives {given} gradients for each example, "
                f"{type(self.update).__name__} takes {taken}"
            )

    @property
    def recorded_pass_serves(self) -> bool:
        """Whether the recorded forward pass of an iteration is one of those that the gradient is taken from."""
        return not self.update.looks_ahead and any(isinstance(view, Identity) for view in self.views)

    @property
    def source_forwards(self) -> int:
        """Forward passes of the source that an example costs."""
        recorded = 1 if self.discretization.source_sees_pixels else 2
        further = len(self.views) - self.recorded_pass_serves
        return (self.steps + 1) * recorded + self._gradient_iterations * further

    @property
    def source_backwards(self) -> int:
        """Backward passes of the source that an example costs."""
        return self._gradient_iterations * len(self.views) * self.update.gradients

    @property
    def _gradient_iterations(self) -> int:
        return self.steps - (self.start is not None)

    def describe(self) -> dict[str, Any]:
        """The whole attack as plain values, for the records: each piece with its class and settings."""
        return {each.name: _plain(getattr(self, each.name)) for each in fields(self)}


def _plain(value: Any) -> Any:
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {"kind": type(value).__name__} | {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    if value is None or isinstance(value, int | float | str):
        return value
    return {"kind": getattr(value, "__qualname__", type(value).__name__)}
