"""The words that settings take: once for Python, for a study's TOML and for the command line.

Each is a `StrEnum`, so its text is as good as its member. Nothing heavy is imported here: the command line shows its
options without waiting for PyTorch.
"""

from enum import StrEnum
from typing import TypeVar

from presoftmax.errors import AttackError
from presoftmax.text import printable

__all__ = [
    "AttackGoal",
    "Balance",
    "Copies",
    "Criterion",
    "Discretization",
    "EngineKind",
    "Precision",
    "SecondTarget",
    "choice",
]

Choice = TypeVar("Choice", bound=StrEnum)


class Discretization(StrEnum):
    """When the image is rounded to 8 bits.

    * ``every-step`` (the paper): the image is clipped and rounded after each step. Steps below half a grey level are
      lost, and once no pixel moves, none ever will: the trajectory has halted.
    * ``straight-through``: a float image gathers the steps, the model sees its rounded copy. No stall, and the
      example is as strong after being saved as before.
    * ``final``: the model sees the float image, and the rounded one is looked at beside it (one more forward pass of
      the source), so that the cost of rounding shows.
    """

    EVERY_STEP = "every-step"
    STRAIGHT_THROUGH = "straight-through"
    FINAL = "final"

    @property
    def source_sees_pixels(self) -> bool:
        """Whether the source's gradient is taken at the rounded image."""
        return self is not Discretization.FINAL

    @property
    def steps_from_pixels(self) -> bool:
        """Whether a step starts from the rounded image."""
        return self is Discretization.EVERY_STEP


class Balance(StrEnum):
    """How a multi-class attack balances its targets: by the paper's rule, or with their logits held level."""

    RANK = "rank"
    LEVEL = "level"


class Copies(StrEnum):
    """Who sees changed copies of the images of a study: nobody, the source, or every model."""

    NONE = "none"
    SOURCE = "source"
    ALL = "all"


class Criterion(StrEnum):
    """What counts as transferred: any wrong class, or one of the attack's targets."""

    MISCLASSIFIED = "misclassified"
    TARGETED = "targeted"


class SecondTarget(StrEnum):
    """Where the second of two target classes comes from: drawn like the first, or the source's clean runner-up."""

    UNIFORM = "uniform"
    RUNNER_UP = "runner-up"


class AttackGoal(StrEnum):
    """What an attack wants: any wrong class, or its targets."""

    UNTARGETED = "untargeted"
    TARGETED = "targeted"


class Precision(StrEnum):
    """Number formats of the networks: float32 all the way, or bfloat16 (or TF32 products) where that is faster."""

    EXACT = "exact"
    FAST = "fast"


class EngineKind(StrEnum):
    """Where a study runs."""

    LOCAL = "local"
    RAY = "ray"


def choice(kind: type[Choice], value: str, name: str) -> Choice:
    """The member of an enumeration with this value; `AttackError` names the options otherwise."""
    try:
        return kind(value)
    except ValueError:
        options = [each.value for each in kind]
        said = " or ".join(options) if len(options) == 2 else f"one of {', '.join(options)}"
        raise AttackError(f"{name} must be {said}, got {printable(repr(value), 40)}") from None
