"""An attack is data: what to drive up, how to step, how far to go, when to round."""

from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from typing import Any

from presoftmax.attacks.constraints import Constraint, L2Price, Unconstrained
from presoftmax.attacks.lattice import Discretization
from presoftmax.attacks.objectives import Objective
from presoftmax.attacks.spaces import Space
from presoftmax.attacks.starts import Start
from presoftmax.attacks.updates import Update
from presoftmax.attacks.views import View
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
