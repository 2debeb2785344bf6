"""What a claim is, what a measurement of it is, and when it holds. A claim is declared once, where it is measured."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, TypeVar

from presoftmax.analysis.ranking import Ranking
from presoftmax.analysis.trajectories import Trajectories
from presoftmax.printing import Printed
from presoftmax.scores import TopLogits
from presoftmax.text import no_minus_zero

__all__ = [
    "CLAIMS",
    "FEWEST",
    "Case",
    "Claim",
    "Evidence",
    "Measurement",
    "Scope",
    "Verdict",
    "claim",
    "judged",
    "not_measurable",
    "overall",
    "percent",
]

Verdict = Literal["holds", "holds in part", "does not hold", "not measurable here"]

FEWEST = 10
"""Examples below which nothing is concluded."""


class Scope(StrEnum):
    """Where a claim is measured."""

    SOURCE = "every attack on every source"
    ONE_CLASS = "attacks on one class (or on none), on every source"
    SEVERAL_CLASSES = "attacks on several classes at once, on every source"
    PAIR = "every ordered pair"
    ONE_CLASS_PAIR = "every ordered pair, attacks on one class (or on none)"
    STUDY = "all other measurements"


@dataclass(frozen=True, repr=False)
class Evidence(Printed):
    """What is known besides the trajectories.

    Attributes:
        compare: name of a multi-class attack to that of the over-optimized one it is compared with.
        largest_natural: per source, the largest CA1 of any natural image.
        natural_images: how many natural images were looked at.
        top_logits: per source, where the largest logits of its natural images lie.
    """

    compare: Mapping[str, str]
    largest_natural: Mapping[str, float]
    natural_images: int
    top_logits: Mapping[str, TopLogits]


@dataclass(frozen=True)
class Case:
    """What a claim is measured on.

    Attributes:
        t: the trajectories of one attack on one source.
        evidence: what is known besides.
        single: those of the over-optimized attack that ``t`` is compared with; None where there is none.
        victim: of an ordered pair.
        ranking: of the pair: how scores correlate with transfer.
    """

    t: Trajectories
    evidence: Evidence
    single: Trajectories | None = None
    victim: str = ""
    ranking: Ranking | None = None

    @property
    def key(self) -> tuple[str, str, str | None]:
        """Attack, source, victim (None where the case is about the source alone)."""
        return self.t.attack, self.t.source, self.victim or None

    @property
    def flags(self) -> Any:
        """Which examples the victim misclassifies, ``(N, T)``."""
        return self.t.transferred[self.victim]["misclassified"]


Measure = Callable[..., "Measurement | Sequence[Measurement] | None"]
M = TypeVar("M", bound=Measure)


@dataclass(frozen=True)
class Claim:
    """A claim of the paper.

    Attributes:
        id: C1 to C12.
        title: in words.
        value: what is measured.
        threshold: the value from which it holds.
        rule: the same in words.
        scope: where it is measured.
        measure: takes a `Case`; None where there is nothing to measure.
        below: whether it holds at or below the threshold.
        strict: whether the threshold itself is not enough.
        unit: of the value: ``"percent"`` (of a share), ``"points"``, or none.
    """

    id: str
    title: str
    value: str
    threshold: float
    rule: str
    scope: Scope
    measure: Measure
    below: bool = False
    strict: bool = False
    unit: Literal["", "percent", "points"] = ""

    def holds(self, value: float, threshold: float | None = None) -> bool:
        """Whether a value is good enough."""
        bound = self.threshold if threshold is None else threshold
        distance = bound - value if self.below else value - bound
        return distance > 0 if self.strict else distance >= 0

    def show(self, value: float | None) -> str:
        """A value in its unit."""
        if value is None:
            return "–"
        if self.unit == "percent":
            return percent(value)
        return no_minus_zero(f"{value:.0f}" if self.unit == "points" else f"{value:.2f}")


CLAIMS: dict[str, Claim] = {}
"""The claims, by id, in the order of their numbers."""


def claim(name: str, **about: Any) -> Callable[[M], M]:
    """Declare the function that measures a claim; keywords as for `Claim`."""

    def declare(measure: M) -> M:
        CLAIMS[name] = Claim(name, measure=measure, **about)
        for each in sorted(CLAIMS, key=lambda number: int(number[1:])):
            CLAIMS[each] = CLAIMS.pop(each)
        return measure

    return declare


@dataclass(frozen=True, repr=False)
class Measurement(Printed):
    """A claim measured on one source, or one ordered pair.

    Attributes:
        claim: its id.
        attack: the attack.
        source: the source.
        victim: the victim; None where the claim is about the source alone.
        examples: how many examples it stands on.
        value: what was measured; None where it could not be.
        low: lower end of the 95 % bootstrap interval over examples; None where there is none.
        high: upper end.
        threshold: the value from which it holds here.
        verdict: ``holds``, ``does not hold`` or ``not measurable here``.
        sentence: what it means, or why it could not be measured.
        details: further numbers; None for one that is undefined.
        subject: what the row is about where a pair has several (a score, a number of classes).
    """

    claim: str
    attack: str
    source: str
    victim: str | None
    examples: int
    value: float | None
    low: float | None
    high: float | None
    threshold: float
    verdict: Verdict
    sentence: str
    details: dict[str, float | None] = field(default_factory=dict)
    subject: str = ""

    @property
    def certain(self) -> bool:
        """Whether the whole interval is on the same side of the threshold as the value."""
        if self.value is None or self.low is None or self.high is None or self.verdict == "not measurable here":
            return False
        held_by = CLAIMS[self.claim]
        verdicts = {held_by.holds(each, self.threshold) for each in (self.value, self.low, self.high)}
        return len(verdicts) == 1


def judged(
    name: str,
    key: tuple[str, str, str | None],
    examples: int,
    value: float,
    bounds: tuple[float, float] | None,
    sentence: str,
    details: Mapping[str, float | None] | None = None,
    *,
    threshold: float | None = None,
    also: bool = True,
    subject: str = "",
) -> Measurement:
    """A measurement with its verdict.

    Args:
        name: the claim's id.
        key: attack, source, victim.
        examples: it stands on.
        value: what was measured.
        bounds: its bootstrap interval.
        sentence: what it means.
        details: further numbers.
        threshold: where it is not the claim's own.
        also: a further condition for it to hold.
        subject: what the row is about.
    """
    if examples < FEWEST:
        return not_measurable(
            name, key, examples, f"{examples} examples are too few to conclude (at least {FEWEST})", value, bounds,
            details, threshold=threshold, subject=subject,
        )  # fmt: skip
    bound = CLAIMS[name].threshold if threshold is None else threshold
    low, high = bounds or (None, None)
    verdict: Verdict = "holds" if CLAIMS[name].holds(value, bound) and also else "does not hold"
    said = no_minus_zero(sentence)
    return Measurement(name, *key, examples, value, low, high, bound, verdict, said, dict(details or {}), subject)


def not_measurable(
    name: str,
    key: tuple[str, str, str | None],
    examples: int,
    why: str,
    value: float | None = None,
    bounds: tuple[float, float] | None = None,
    details: Mapping[str, float | None] | None = None,
    *,
    threshold: float | None = None,
    subject: str = "",
) -> Measurement:
    """A claim that cannot be judged there, and why; a value that was nevertheless seen is kept."""
    low, high = bounds or (None, None)
    bound = CLAIMS[name].threshold if threshold is None else threshold
    return Measurement(
        name, *key, examples, value, low, high, bound, "not measurable here", why, dict(details or {}), subject
    )


def percent(share: float) -> str:
    """A share in whole percent."""
    return no_minus_zero(f"{100 * share:.0f} %")


def overall(measured: Sequence[Measurement]) -> Verdict:
    """The verdict on a claim from all its measurements: it holds where it holds wherever it could be measured."""
    verdicts = [each.verdict for each in measured if each.verdict != "not measurable here"]
    if not verdicts:
        return "not measurable here"
    held = verdicts.count("holds")
    return "holds" if held == len(verdicts) else "holds in part" if held else "does not hold"
