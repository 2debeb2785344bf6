"""The attacks of a study: those of the paper, and popular ones, as the settings of a ``[[attacks]]`` table."""

from fractions import Fraction
from inspect import signature
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from presoftmax.attacks import POPULAR, Attack, BalanceName, DiscretizationName, multi_class, over_optimized

__all__ = ["AttackConfig", "Count", "MultiClassConfig", "OverOptimizedConfig", "PopularConfig", "Strict"]

Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]


def _number(value: Any) -> Any:
    """A fraction, as the field writes them (``"8/255"``), as a number; anything else as it is."""
    if isinstance(value, str) and "/" in value:
        try:
            return float(Fraction(value.replace(" ", "")))
        except (ValueError, ZeroDivisionError) as error:
            raise ValueError(f"{value!r} is not a fraction such as 8/255") from error
    return value


Size = Annotated[Positive, BeforeValidator(_number)]


class Strict(BaseModel):
    """Settings of which none is unknown, and none changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class _AttackBase(Strict):
    kind: str
    name: str = Field("", pattern=r"^[\w.-]*$", max_length=60)
    discretization: DiscretizationName
    sources: list[str] | None = None
    targets: list[Annotated[int, Field(ge=0)]] | None = None

    @property
    def label(self) -> str:
        """How tables and folders call it."""
        return self.name or self.kind

    @property
    def aims(self) -> bool:
        """Whether it drives its target classes up, rather than the true class down."""
        return True

    def build(self) -> Attack:
        """The attack that the loop runs."""
        raise NotImplementedError


class _PaperAttack(_AttackBase):
    steps: Count = 500
    discretization: DiscretizationName = "every-step"
    space: Literal["normalized", "pixel"] = "normalized"


class OverOptimizedConfig(_PaperAttack):
    """The over-optimized attack; see `presoftmax.attacks.over_optimized`."""

    kind: Literal["over-optimized"]
    alpha: Positive = 0.15

    def build(self) -> Attack:
        """The attack that the loop runs."""
        return over_optimized(self.steps, self.alpha, self.discretization, self.space, self.label)


class MultiClassConfig(_PaperAttack):
    """The multi-class optimized attack; see `presoftmax.attacks.multi_class`."""

    kind: Literal["multi-class"]
    classes: Annotated[int, Field(ge=2)] = 2
    alpha: tuple[Positive, Positive] = (0.05, 0.1)
    balance: BalanceName = "rank"
    second_target: Literal["uniform", "runner-up"] = "uniform"

    def build(self) -> Attack:
        """The attack that the loop runs."""
        return multi_class(
            self.steps, self.classes, self.alpha, self.balance, self.discretization, self.space, self.second_target,
            self.label,
        )  # fmt: skip


class PopularConfig(_AttackBase):
    """An attack of `presoftmax.attacks.POPULAR`; what is left out is as its function has it.

    Each takes those of the settings that its function takes. Sizes are in [0, 1] units and may be written as fractions.
    """

    kind: Literal[tuple(POPULAR)]  # type: ignore[valid-type]
    steps: Count | None = None
    discretization: DiscretizationName = "straight-through"
    goal: Literal["untargeted", "targeted"] | None = None
    epsilon: Size | None = None
    alpha: Size | None = None
    decay: Annotated[float, Field(ge=0)] | None = None
    copies: Count | None = None
    probability: Annotated[float, Field(ge=0, le=1)] | None = None
    rate: Annotated[float, Field(gt=0, lt=1)] | None = None
    kernel: Count | None = None
    c: Positive | None = None
    kappa: Annotated[float, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _takes_these(self) -> "PopularConfig":
        taken = set(signature(POPULAR[self.kind]).parameters)
        taken |= {"goal"} if "common" in taken else set()
        for name in self._options().keys() - taken:
            raise ValueError(f"{name}: {self.kind} has no such setting")
        return self

    def _options(self) -> dict[str, Any]:
        others = {"kind", "name", "discretization", "sources", "targets"}
        return self.model_dump(exclude=others, exclude_none=True)

    @property
    def aims(self) -> bool:
        """Whether it drives its target classes up, rather than the true class down."""
        return self.kind == "logit" or self.goal == "targeted"

    def build(self) -> Attack:
        """The attack that the loop runs."""
        return POPULAR[self.kind](**self._options(), discretization=self.discretization, name=self.label)


AttackConfig = Annotated[OverOptimizedConfig | MultiClassConfig | PopularConfig, Field(discriminator="kind")]
