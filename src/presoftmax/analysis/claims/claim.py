"""What a claim is, what a measurement of it is, and when it holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["CLAIMS", "FEWEST", "Claim", "Measured", "Verdict", "judged", "not_measurable", "overall", "percent"]

Verdict = Literal["holds", "holds in part", "does not hold", "not measurable here"]

FEWEST = 10
"""Examples below which nothing is concluded."""


@dataclass(frozen=True)
class Claim:
    """A claim of the paper.

    Attributes:
        id: C1 to C11.
        title: in words.
        value: what is measured.
        threshold: the value from which it holds.
        rule: the same in words.
        below: whether it holds at or below the threshold.
        strict: whether the threshold itself is not enough.
        percent: whether the value is shown in percent.
    """

    id: str
    title: str
    value: str
    threshold: float
    rule: str
    below: bool = False
    strict: bool = False
    percent: bool = False

    def holds(self, value: float, threshold: float | None = None) -> bool:
        """Whether a value is good enough."""
        bound = self.threshold if threshold is None else threshold
        distance = bound - value if self.below else value - bound
        return distance > 0 if self.strict else distance >= 0


CLAIMS: dict[str, Claim] = {
    claim.id: claim
    for claim in (
        Claim(
            "C1",
            "over-optimized examples saturate the softmax",
            "share of examples whose float32 confidence is exactly 1 at the end",
            0.5,
            "at least 50 %",
            percent=True,
        ),
        Claim(
            "C2",
            "the logit goes on rising after that",
            "CA1 at the end / CA1 at the first iteration with confidence exactly 1, median over examples",
            1.1,
            "at least 1.1",
        ),
        Claim(
            "C3",
            "beyond any natural image",
            "share of examples whose final CA1 exceeds the largest CA1 of any natural image of that model",
            0.5,
            "at least 50 %",
            percent=True,
        ),
        Claim(
            "C4",
            "softmax is blind along the transfer axis",
            "rise of transferability after the mean confidence first reaches 0.99, in points, over the examples kept",
            10.0,
            "at least 10 points, and CA1 rises too",
        ),
        Claim(
            "C5",
            "multi-class examples are disguised",
            "share of examples that have iterations i < j with CA1 higher and confidence lower at j, and end below 1",
            0.5,
            "at least 50 %",
            percent=True,
        ),
        Claim(
            "C6",
            "with k classes the confidence can be pushed towards 1/k",
            "mean final confidence",
            0.0,
            "nearer to 1/k than to 1",
            below=True,
        ),
        Claim(
            "C7",
            "logits diminish when several classes are optimized",
            "mean CA1, multi-class / over-optimized, at the last common iteration",
            1.0,
            "below 1",
            below=True,
            strict=True,
        ),
        Claim(
            "C8",
            "once transferred, mostly stays so",
            "share of examples that, having transferred, stay so at every later iteration",
            0.5,
            "more than 50 %",
            strict=True,
            percent=True,
        ),
        Claim(
            "C9",
            "some examples never transfer",
            "share of examples removed by cleaning",
            0.0,
            "more than 0 (the paper: 8 to 20 %)",
            strict=True,
            percent=True,
        ),
        Claim(
            "C10",
            "the same for all architectures",
            "share of ordered pairs on which each of C1 to C5 that can be measured holds",
            1.0,
            "all of them",
            percent=True,
        ),
        Claim(
            "C11",
            "confidence does not rank strength; logits do better",
            "Spearman correlation with transfer across examples, minus that of the confidence, mean over iterations",
            0.0,
            "above 0",
            strict=True,
        ),
    )
}
"""The claims, by id."""


@dataclass(frozen=True)
class Measured:
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
        if self.value is None or self.low is None or self.high is None:
            return False
        claim = CLAIMS[self.claim]
        verdicts = {claim.holds(each, self.threshold) for each in (self.value, self.low, self.high)}
        return len(verdicts) == 1


def judged(
    claim: str,
    place: tuple[str, str, str | None],
    examples: int,
    value: float,
    bounds: tuple[float, float] | None,
    sentence: str,
    details: Mapping[str, float | None] | None = None,
    *,
    threshold: float | None = None,
    also: bool = True,
    subject: str = "",
) -> Measured:
    """A measurement with its verdict.

    Args:
        claim: its id.
        place: attack, source, victim.
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
            claim, place, examples, f"{examples} examples are too few to conclude (at least {FEWEST})", value, bounds,
            details, subject=subject,
        )  # fmt: skip
    bound = CLAIMS[claim].threshold if threshold is None else threshold
    low, high = bounds or (None, None)
    verdict: Verdict = "holds" if CLAIMS[claim].holds(value, bound) and also else "does not hold"
    return Measured(claim, *place, examples, value, low, high, bound, verdict, sentence, dict(details or {}), subject)


def not_measurable(
    claim: str,
    place: tuple[str, str, str | None],
    examples: int,
    why: str,
    value: float | None = None,
    bounds: tuple[float, float] | None = None,
    details: Mapping[str, float | None] | None = None,
    *,
    subject: str = "",
) -> Measured:
    """A claim that cannot be judged there, and why; a value that was nevertheless seen is kept."""
    low, high = bounds or (None, None)
    bound = CLAIMS[claim].threshold
    return Measured(
        claim, *place, examples, value, low, high, bound, "not measurable here", why, dict(details or {}), subject
    )


def percent(share: float) -> str:
    """A share in whole percent."""
    return f"{100 * share:.0f} %"


def overall(measured: Sequence[Measured]) -> Verdict:
    """The verdict on a claim from all its measurements: it holds where it holds wherever it could be measured."""
    verdicts = [each.verdict for each in measured if each.verdict != "not measurable here"]
    if not verdicts:
        return "not measurable here"
    held = verdicts.count("holds")
    return "holds" if held == len(verdicts) else "holds in part" if held else "does not hold"
