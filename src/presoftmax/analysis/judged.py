"""What a set of judged adversarial examples comes to: the numbers that go into a paper, with intervals.

Medians have bootstrap intervals over the examples; shares have Wilson's, since of 0 of 14 a bootstrap says 0 to 0.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl

from presoftmax.analysis.bootstrap import median_interval
from presoftmax.analysis.prediction import Cells, auroc
from presoftmax.printing import Printed
from presoftmax.text import no_minus_zero

__all__ = ["JudgedSummary", "Median", "RanksTransfer", "Share", "VictimTransfer", "summarize_judged"]


@dataclass(frozen=True)
class Share:
    """So many of so many, with the 95 % interval of the share (Wilson 1927); nothing of nothing has none."""

    hits: int
    of: int
    low: float | None
    high: float | None

    @classmethod
    def count(cls, flags: pl.Series) -> "Share":
        """Of Booleans; nulls do not count."""
        known = flags.drop_nulls()
        hits, of = int(known.sum()), len(known)
        if not of:
            return cls(0, 0, None, None)
        from scipy.stats import binomtest

        interval = binomtest(hits, of).proportion_ci(method="wilson")
        return cls(hits, of, float(interval.low), float(interval.high))

    @property
    def value(self) -> float | None:
        """The share; None of nothing."""
        return self.hits / self.of if self.of else None

    def __str__(self) -> str:
        """``31 % [12, 58] (4 of 13)``."""
        if self.value is None or self.low is None or self.high is None:
            return "none to tell of"
        bounds = no_minus_zero(f"[{100 * self.low:.0f}, {100 * self.high:.0f}]")
        return f"{100 * self.value:.0f} % {bounds} ({self.hits} of {self.of})"


@dataclass(frozen=True)
class Median:
    """A median with its 95 % bootstrap interval over the examples; below two of them it has none."""

    value: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, values: pl.Series) -> "Median":
        """Of finite numbers; the others do not count."""
        numbers = values.cast(pl.Float64).drop_nulls().to_numpy()
        finite = numbers[np.isfinite(numbers)]
        low, high = median_interval(finite) or (None, None)
        return cls(float(np.median(finite)) if len(finite) else None, low, high)

    def text(self, digits: int) -> str:
        """``23.4 [20.1, 25.0]``."""
        if self.value is None:
            return "none to tell of"
        end = "" if self.low is None else f" [{self.low:.{digits}f}, {self.high:.{digits}f}]"
        return no_minus_zero(f"{self.value:.{digits}f}{end}")


@dataclass(frozen=True)
class VictimTransfer:
    """How many adversarial examples fool a victim.

    Attributes:
        all: of all of them.
        right_before: of those whose clean image the victim had right.
    """

    all: Share
    right_before: Share


@dataclass(frozen=True, repr=False)
class RanksTransfer(Printed):
    """How well numbers of adversarial examples rank which of them fool a victim that nobody asked for them.

    Attributes:
        areas: per number, the area under the ROC curve; 0.5 is chance.
        examples: how many examples it stands on.
    """

    areas: dict[str, float]
    examples: int


@dataclass(frozen=True, repr=False)
class JudgedSummary(Printed):
    """What judged examples come to.

    Attributes:
        source: the model that they were made on.
        images: how many there are.
        wrong_before: clean images that the source has wrong; no other number counts them.
        adversarial: of the others, those that fool the source as 8-bit images; all below is of these.
        levels: examples of each level of strength.
        misclassification_log_odds: their median.
        beyond_natural: those with a logit beyond any natural image's.
        disguised: those of them that look weak by their confidence.
        transfer: per victim.
        expected_transfer: median, by surrogates and copies; None without surrogates.
        ranks_transfer: per victim that some examples fool and some do not, how well that ranks them; empty without.
        survival: per distortion, those that still fool the source after it.
        confidence: median, for comparison.
        confidence_one: those whose float32 confidence is exactly 1.
        natural_images: how many images say what is natural.
    """

    source: str
    images: int
    wrong_before: int
    adversarial: Share
    levels: dict[str, int]
    misclassification_log_odds: Median
    beyond_natural: Share
    disguised: Share
    transfer: dict[str, VictimTransfer]
    expected_transfer: Median | None
    ranks_transfer: dict[str, RanksTransfer]
    survival: dict[str, Share]
    confidence: Median
    confidence_one: Share
    natural_images: int

    def values(self) -> dict[str, Any]:
        """All of it in plain values."""
        return asdict(self)

    def lines(self) -> Iterator[tuple[str, str]]:
        """All of it as names and text, the confidence last."""
        yield "images", str(self.images)
        if self.wrong_before:
            yield "wrong before the attack", f"{self.wrong_before}, not counted below"
        yield "adversarial after saving", str(self.adversarial)
        yield "misclassification log-odds, median", self.misclassification_log_odds.text(1)
        yield f"beyond {self.natural_images} natural images", str(self.beyond_natural)
        yield "disguised", str(self.disguised)
        if self.expected_transfer is not None:
            yield "expected transfer, median", self.expected_transfer.text(2)
        for name, ranks in self.ranks_transfer.items():
            told = ", ".join(f"{area:.2f} by {what}" for what, area in ranks.areas.items())
            yield f"what fools {name} is ranked", f"{told} (AUROC)"
        for name, transfer in self.transfer.items():
            yield f"fools {name}", str(transfer.all)
            if transfer.right_before.of != transfer.all.of:
                yield f"fools {name}, which was right before", str(transfer.right_before)
        one = f"; exactly 1 for {self.confidence_one.hits}" if self.confidence_one.hits else ""
        yield "confidence, median", f"{self.confidence.text(3)}{one}"


def summarize_judged(
    source: str,
    levels: tuple[str, ...],
    strength: pl.DataFrame,
    transfers: pl.DataFrame,
    survival: pl.DataFrame,
    natural: pl.DataFrame,
) -> JudgedSummary:
    """Sum up the tables of judged examples.

    Args:
        source: name of the source.
        levels: every level of strength, in order.
        strength: a row per example.
        transfers: a row per example and victim.
        survival: a row per example and distortion.
        natural: a row per clean image and model.
    """
    right_before = strength.filter(pl.col("predicted_clean") == pl.col("label"))
    ours = strength.filter("adversarial")
    right = natural.select("example", pl.col("model").alias("victim"), right=pl.col("predicted") == pl.col("label"))
    is_ours = pl.col("example").is_in(ours["example"].to_list())
    shown = transfers.join(right, on=["example", "victim"], how="left").filter(is_ours)
    surrogates = strength["expected_transfer"].null_count() < strength.height
    distorted = survival.group_by("distortion", maintain_order=True)
    by_victim = {
        str(name): VictimTransfer(
            Share.count(rows["misclassified"]), Share.count(rows.filter("right")["misclassified"])
        )
        for (name,), rows in shown.group_by("victim", maintain_order=True)
    }
    return JudgedSummary(
        source=source,
        images=strength.height,
        wrong_before=strength.height - right_before.height,
        adversarial=Share.count(right_before["adversarial"]),
        levels={level: int((strength["verdict"] == level).sum()) for level in levels},
        misclassification_log_odds=Median.of(ours["misclassification_log_odds"]),
        beyond_natural=Share.count(ours["over_optimized"]),
        disguised=Share.count(ours["disguised"]),
        transfer=by_victim,
        expected_transfer=Median.of(ours["expected_transfer"]) if surrogates else None,
        ranks_transfer=_ranks_transfer(ours, shown) if surrogates else {},
        survival={str(name): Share.count(rows.filter(is_ours)["fooled"]) for (name,), rows in distorted},
        confidence=Median.of(ours["confidence"]),
        confidence_one=Share.count(ours["confidence"] == 1),
        natural_images=int(strength["natural_images"].max() or 0),  # type: ignore[arg-type]
    )


_RANKERS = {
    "expected transfer": "expected_transfer",
    "log-odds": "misclassification_log_odds",
    "confidence": "confidence",
}


def _ranks_transfer(ours: pl.DataFrame, shown: pl.DataFrame) -> dict[str, RanksTransfer]:
    """Per victim, where there is something to rank."""
    found = {}
    for (victim,), rows in shown.group_by("victim", maintain_order=True):
        pairs = ours.join(rows.select("example", "misclassified"), on="example")
        fooled = pairs["misclassified"].to_numpy()
        cells = Cells.of(fooled, np.arange(len(fooled)), np.zeros(len(fooled), dtype=np.int64))
        areas = {
            name: auroc(pairs[column].cast(pl.Float64).to_numpy(), cells, rounds=0).value
            for name, column in _RANKERS.items()
        }
        known = {name: area for name, area in areas.items() if area is not None}
        if known:
            found[str(victim)] = RanksTransfer(known, len(fooled))
    return found
