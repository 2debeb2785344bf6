"""The attacks of a study: those of the paper, and popular ones, as the settings of a ``[[attacks]]`` table."""

from dataclasses import replace
from inspect import signature
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from presoftmax.attacks import POPULAR, Attack, Space, composed, load_attack, multi_class, over_optimized
from presoftmax.choices import AttackGoal, Balance, Discretization, SecondTarget
from presoftmax.extensions import absolute_spec, is_python_name
from presoftmax.study._numbers import Class, Number, Positive, Settings, Share, Size, Steps

__all__ = ["KINDS", "AttackConfig", "MultiClassConfig", "OverOptimizedConfig", "PopularConfig", "Strict"]

_MOST_TARGETS = 100_000


class Strict(BaseModel):
    """Settings of which none is unknown, and none changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class _AttackBase(Strict):
    kind: str
    name: str = Field("", pattern=r"^[\w.-]*$", max_length=60)
    discretization: Discretization
    sources: list[str] | None = None
    targets: Annotated[list[Class], Field(max_length=_MOST_TARGETS)] | None = None

    @property
    def label(self) -> str:
        """How tables and folders call it."""
        return self.name or self.kind

    @property
    def is_of_the_package(self) -> bool:
        """Whether nothing in it is a file of the user's own."""
        return True

    def build(self) -> Attack:
        """The attack that the loop runs."""
        raise NotImplementedError

    def absolute(self) -> Self:
        """The same with the paths in it made absolute, so that a worker in another folder builds the same."""
        return self


class _PaperAttack(_AttackBase):
    steps: Steps = 500
    discretization: Discretization = Discretization.EVERY_STEP
    space: Literal[Space.NORMALIZED, Space.PIXEL] = Space.NORMALIZED


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
    classes: Annotated[int, Field(strict=True, ge=2, le=_MOST_TARGETS)] = 2
    alpha: tuple[Positive, Positive] = (0.05, 0.1)
    balance: Balance = Balance.RANK
    second_target: SecondTarget = SecondTarget.UNIFORM

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
    steps: Steps | None = None
    discretization: Discretization = Discretization.STRAIGHT_THROUGH
    goal: AttackGoal | None = None
    epsilon: Size | None = None
    alpha: Size | None = None
    decay: Annotated[float, Field(strict=True, ge=0, le=10, allow_inf_nan=False)] | None = None
    copies: Annotated[int, Field(strict=True, ge=1, le=64)] | None = None
    probability: Share | None = None
    rate: Annotated[float, Field(strict=True, gt=0, lt=1, allow_inf_nan=False)] | None = None
    kernel: Annotated[int, Field(strict=True, ge=1, le=1023)] | None = None
    c: Positive | None = None
    kappa: Number | None = None

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

    def build(self) -> Attack:
        """The attack that the loop runs."""
        return POPULAR[self.kind](**self._options(), discretization=self.discretization, name=self.label)


class ComposedConfig(_AttackBase):
    """An objective and an update, each by name or ``FILE.py:NAME``; see `presoftmax.attacks.composed`."""

    kind: Literal["composed"]
    objective: str = "target-logit"
    update: str = "gradient"
    steps: Steps = 100
    alpha: Size = 0.15
    epsilon: Size | None = None
    norm: Literal["linf", "l2"] = "linf"
    classes: Annotated[int, Field(strict=True, ge=0, le=_MOST_TARGETS)] = 1
    discretization: Discretization = Discretization.STRAIGHT_THROUGH
    space: Literal[Space.NORMALIZED, Space.PIXEL] | None = None

    def build(self) -> Attack:
        """The attack that the loop runs."""
        return composed(**self.model_dump(exclude={"kind", "name", "sources", "targets"}), name=self.label)

    @property
    def is_of_the_package(self) -> bool:
        """Whether neither piece is a file of the user's own."""
        return not (is_python_name(self.objective) or is_python_name(self.update))

    def absolute(self) -> Self:
        """The same with the paths in it made absolute."""
        pieces = {name: getattr(self, name) for name in ("objective", "update")}
        files = {name: absolute_spec(piece) for name, piece in pieces.items() if is_python_name(piece)}
        return self.model_copy(update={"name": self.label, **files})


class FileConfig(_AttackBase):
    """An attack of the user's own: ``kind`` is ``FILE.py:FUNCTION``, a function of ``settings`` that returns it."""

    kind: Annotated[str, Field(pattern=r"\.py:\w+$")]
    discretization: Discretization | None = None  # type: ignore[assignment]  # the function says it
    settings: Settings = Field(default_factory=dict)
    steps: Steps | None = None

    @property
    def is_of_the_package(self) -> bool:
        """It is not."""
        return False

    @property
    def label(self) -> str:
        """Its name, or the function's."""
        return self.name or self.kind.rpartition(":")[2]

    def build(self) -> Attack:
        """The attack that the loop runs."""
        given = {name: value for name in ("steps", "discretization") if (value := getattr(self, name)) is not None}
        return replace(load_attack(self.kind, **given, **self.settings), name=self.label)

    def absolute(self) -> Self:
        """The same with the file's path made absolute."""
        return self.model_copy(update={"name": self.label, "kind": absolute_spec(self.kind)})


KINDS = ("over-optimized", "multi-class", "composed", *POPULAR)
"""What ``kind`` may be, besides ``FILE.py:FUNCTION``."""


def _tag(value: Any) -> str:
    """Which of the classes a table is for."""
    kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
    if kind is None:
        return "missing"
    if is_python_name(str(kind)):
        return "file"
    return "popular" if kind in POPULAR else str(kind)


AttackConfig = Annotated[
    Annotated[OverOptimizedConfig, Tag("over-optimized")]
    | Annotated[MultiClassConfig, Tag("multi-class")]
    | Annotated[PopularConfig, Tag("popular")]
    | Annotated[ComposedConfig, Tag("composed")]
    | Annotated[FileConfig, Tag("file")],
    Discriminator(
        _tag,
        custom_error_type="attack_kind",
        custom_error_message=f"kind: an attack has one of {', '.join(KINDS)}, or FILE.py:FUNCTION",
    ),
]
"""One attack of a study, told apart by its ``kind``."""
