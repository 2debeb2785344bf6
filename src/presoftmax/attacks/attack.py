"""An attack is data: what to drive up, how to step, how far to go, when to round."""

from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from functools import cached_property
from typing import Any

import torch

from presoftmax.attacks.constraints import Constraint, L2Price, Unconstrained
from presoftmax.attacks.discretization import Discretization
from presoftmax.attacks.objectives import Objective
from presoftmax.attacks.spaces import Space
from presoftmax.attacks.starts import Start
from presoftmax.attacks.transforms import View
from presoftmax.attacks.updates import Update
from presoftmax.errors import AttackError

__all__ = ["Attack", "SecondTarget"]

_ANYWHERE = Unconstrained()


class SecondTarget(Enum):
    """Where the second of two target classes comes from: drawn like the first, or the source's clean runner-up."""

    UNIFORM = "uniform"
    RUNNER_UP = "runner-up"


@dataclass(frozen=True)
class Attack:
    """An iterative attack; `presoftmax.trace` runs it.

    Attributes:
        name: how tables and figures call it.
        objective: what is driven up.
        update: how a gradient becomes a step.
        steps: iterations after the untouched image.
        num_targets: target classes per example.
        constraint: set around the clean image that the float image is projected to after each step, or a price.
        discretization: when the image is rounded.
        space: units of the update.
        second_target: where the second target comes from when targets are drawn.
        start: a first move without gradient, which makes iteration 1; none, and iteration 1 is the first step.
        view: copies of the image at which the gradient is taken, in place of the image itself.
    """

    name: str
    objective: Objective
    update: Update
    steps: int
    num_targets: int = 1
    constraint: Constraint = _ANYWHERE
    discretization: Discretization = Discretization.STRAIGHT_THROUGH
    space: Space = Space.NORMALIZED
    second_target: SecondTarget = SecondTarget.UNIFORM
    start: Start | None = None
    view: View | None = None

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise AttackError(f"steps must be at least 1, got {self.steps}")
        if self.num_targets < 1:
            raise AttackError(f"an attack needs at least 1 target class, got {self.num_targets}")
        if self.second_target is SecondTarget.RUNNER_UP and self.num_targets != 2:
            raise AttackError(f"the runner-up is a second target of two, not one of {self.num_targets}")
        if self.space.is_unbounded and not isinstance(self.constraint, Unconstrained | L2Price):
            raise AttackError("the tanh space knows no projection: its constraint is a price, or none")

    @cached_property
    def copies(self) -> int:
        """Passes that a gradient takes besides the recorded one; 0 where the recorded pass gives the gradient."""
        if self.view is not None:
            return self.view.copies
        nowhere = self.update.start(torch.zeros(1, 1, 1, 1))
        return 0 if self.update.ahead(nowhere) is None else 1

    @property
    def source_forwards(self) -> int:
        """Forward passes of the source that an example costs."""
        looks = 1 if self.discretization.source_sees_pixels else 2
        return (self.steps + 1) * looks + self._gradients * self.copies

    @property
    def source_backwards(self) -> int:
        """Backward passes of the source that an example costs."""
        return self._gradients * max(1, self.copies)

    @property
    def _gradients(self) -> int:
        return self.steps - (self.start is not None)

    def describe(self) -> dict[str, Any]:
        """The whole attack as plain values, for the records: each piece with its class and settings."""
        return {each.name: _plain(getattr(self, each.name)) for each in fields(self)}


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value) and not isinstance(value, type):
        return {"kind": type(value).__name__} | {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    if value is None or isinstance(value, int | float | str):
        return value
    return {"kind": getattr(value, "__qualname__", type(value).__name__)}
