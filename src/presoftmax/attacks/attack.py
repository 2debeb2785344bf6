"""An attack is data: what to drive up, how to step, how far to go, when to round."""

from dataclasses import asdict, dataclass, fields, is_dataclass
from enum import Enum
from typing import Any

from presoftmax.attacks.constraints import Constraint, Unconstrained
from presoftmax.attacks.lattice import Discretization
from presoftmax.attacks.objectives import Objective
from presoftmax.attacks.updates import Update
from presoftmax.errors import AttackError

__all__ = ["Attack", "SecondTarget", "Space"]

_ANYWHERE = Unconstrained()


class Space(Enum):
    """The units in which an update sees gradients and makes steps.

    * ``normalized``: the source's input after mean and std, as in the paper. A step there is ``std`` times as long in
      [0, 1] pixels, and the gradient ``std`` times as large, so a plain gradient step of size a is one of size
      ``a * std ** 2`` (per channel) in pixels.
    * ``pixel``: [0, 1] pixels.
    """

    NORMALIZED = "normalized"
    PIXEL = "pixel"


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
        constraint: set around the clean image that the float image is projected to after each step.
        discretization: when the image is rounded.
        space: units of the update.
        second_target: where the second target comes from when targets are drawn.
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

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise AttackError(f"steps must be at least 1, got {self.steps}")
        if self.num_targets < 1:
            raise AttackError(f"an attack needs at least 1 target class, got {self.num_targets}")
        if self.second_target is SecondTarget.RUNNER_UP and self.num_targets != 2:
            raise AttackError(f"the runner-up is a second target of two, not one of {self.num_targets}")

    def describe(self) -> dict[str, Any]:
        """The whole attack as plain values, for the records: each piece with its class and settings."""
        return {each.name: _plain(getattr(self, each.name)) for each in fields(self)}


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value) and not isinstance(value, type):
        return {"kind": type(value).__name__, **asdict(value)}
    return (
        value
        if isinstance(value, int | float | str)
        else {"kind": getattr(value, "__qualname__", type(value).__name__)}
    )
