"""What one attack on one source showed, in a few numbers; the report puts them into words."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from presoftmax.analysis.iterations import by_iteration, finite_only, transfer_by_iteration

__all__ = ["HIGH_CONFIDENCE", "Findings", "find"]

HIGH_CONFIDENCE = 0.99
"""The mean confidence from which the softmax is called blind."""

_VISIBLE_DROP = 0.01


@dataclass(frozen=True)
class Point:
    """Means over the examples at one iteration; ``transfer`` is the share misclassified by each victim."""

    iteration: int
    confidence: float
    ca1: float
    log_odds: float
    group_log_odds: float
    transfer: dict[str, float]


@dataclass(frozen=True)
class Findings:
    """What one attack showed.

    Attributes:
        attack: its name.
        examples: number of examples.
        classes: target classes of each, k.
        clean: iteration 0.
        end: the last iteration.
        blind: the first iteration at which the mean confidence is 0.99 or more; None if there is none.
        saturated: share of examples whose final float32 confidence is exactly 1.
        first_saturated: the iteration at which half of the examples had reached such a confidence; None if never.
        beyond_clean: share of examples whose final CA1 exceeds the largest CA1 of all clean images of the run.
        disguised: share of examples with iterations i < j, both predicted as a target, of which j has the higher CA1
            and a confidence lower by 0.01 or more.
        below_clean_confidence: share of examples whose final confidence is below that of their own clean image although
            their final CA1 is above that of every clean image.
        halted: share of examples of which no pixel changed in the last step.
    """

    attack: str
    examples: int
    classes: int
    clean: Point
    end: Point
    blind: Point | None
    saturated: float
    first_saturated: int | None
    beyond_clean: float
    disguised: float
    below_clean_confidence: float
    halted: float


def find(steps: pl.DataFrame, transfers: pl.DataFrame) -> Findings:
    """Findings of the rows of one attack on one source."""
    points = _points(steps, transfers)
    rows = finite_only(steps).collect()
    last, first = pl.col("iteration") == rows["iteration"].max(), pl.col("iteration") == 0
    natural = rows.filter(first)["ca1"].max()
    final = rows.filter(last)
    beyond = final.select("example", "confidence", beyond=pl.col("ca1") > natural)
    clean = rows.filter(first).select("example", clean_confidence="confidence")
    weaker = beyond.join(clean, on="example").select(
        (pl.col("beyond") & (pl.col("confidence") < pl.col("clean_confidence"))).mean()
    )
    return Findings(
        attack=rows["attack"][0],
        examples=final.height,
        classes=len(rows["targets"][0]),
        clean=points[0],
        end=points[-1],
        blind=next((point for point in points[1:] if point.confidence >= HIGH_CONFIDENCE), None),
        saturated=_share(final["saturated"]),
        first_saturated=_first_saturated(rows),
        beyond_clean=_share(beyond["beyond"]),
        disguised=_disguised(rows),
        below_clean_confidence=float(weaker.item()),
        halted=_share(final["changed"] == 0),
    )


def _points(steps: pl.DataFrame, transfers: pl.DataFrame) -> list[Point]:
    shares: dict[int, dict[str, float]] = {}
    for row in transfer_by_iteration(transfers).iter_rows(named=True):
        shares.setdefault(row["iteration"], {})[row["victim"]] = row["misclassified"]
    return [
        Point(
            row["iteration"],
            row["confidence"],
            row["ca1"],
            row["log_odds"],
            row["group_log_odds"],
            shares.get(row["iteration"], {}),
        )
        for row in by_iteration(steps).iter_rows(named=True)
    ]


def _first_saturated(rows: pl.DataFrame) -> int | None:
    """The first iteration at which at least half of the examples have been saturated, then or before."""
    firsts = rows.filter("saturated").group_by("example").agg(pl.col("iteration").min()).sort("iteration")
    needed = -(-rows["example"].n_unique() // 2)
    return int(firsts["iteration"][needed - 1]) if firsts.height >= needed else None


def _disguised(rows: pl.DataFrame) -> float:
    """Share of examples for which confidence once fell visibly while CA1 rose, the prediction a target both times."""
    fooled = rows.filter(pl.col("predicted").is_in(pl.col("targets")) & (pl.col("iteration") > 0))
    hidden = 0
    for _, one in fooled.sort("iteration").group_by("example"):
        ca1, confidence = one["ca1"].to_numpy(), one["confidence"].to_numpy()
        rose = ca1[None, :] > ca1[:, None]
        fell = confidence[None, :] <= confidence[:, None] - _VISIBLE_DROP
        hidden += bool(np.triu(rose & fell, k=1).any())
    return hidden / rows["example"].n_unique()


def _share(flags: pl.Series) -> float:
    return float(flags.cast(pl.Float64).mean() or 0.0)  # type: ignore[arg-type]
