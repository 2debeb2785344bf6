"""What one attack on one source showed, in a few numbers; the report puts them into words."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from presoftmax.analysis.events import Flags, beyond_natural, first_high, first_true
from presoftmax.analysis.iterations import by_iteration, transfer_by_iteration
from presoftmax.analysis.trajectories import Trajectories, read_trajectories
from presoftmax.printing import Printed

__all__ = ["AttackSummary", "Point", "summarize"]


@dataclass(frozen=True)
class Point:
    """Means over the examples at one iteration; ``transfer`` is the share misclassified by each victim.

    ``group_log_odds`` is None where the attack has no targets.
    """

    iteration: int
    confidence: float
    ca1: float
    group_log_odds: float | None
    transfer: dict[str, float]


@dataclass(frozen=True, repr=False)
class AttackSummary(Printed):
    """What one attack showed.

    Attributes:
        attack: its name.
        classes: target classes of each example, k.
        clean: iteration 0.
        end: the last iteration.
        blind: the first iteration at which the mean confidence is 0.99 or more; None if there is none.
        saturated: share of examples whose final float32 confidence is exactly 1.
        first_saturated: the iteration at which half of the examples had reached such a confidence; None if never.
        beyond_clean: share of examples whose final CA1 exceeds the largest CA1 of all clean images of the run.
        below_clean_confidence: share of examples whose final confidence is below that of their own clean image although
            their final CA1 is above that of every clean image.
    """

    attack: str
    classes: int
    clean: Point
    end: Point
    blind: Point | None
    saturated: float
    first_saturated: int | None
    beyond_clean: float
    below_clean_confidence: float


def summarize(steps: pl.DataFrame, transfers: pl.DataFrame) -> AttackSummary:
    """What the rows of one attack on one source showed.

    Raises:
        DataError: no rows, or an example that lacks an iteration.
    """
    points = _points(steps, transfers)
    t = read_trajectories(steps.lazy(), transfers.lazy(), ("ca1", "confidence", "saturated"))
    ca1, confidence = t.values("ca1"), t.values("confidence")
    beyond = beyond_natural(ca1[:, -1], float(ca1[:, 0].max()))
    blind = float(first_high(np.array([point.confidence for point in points])))
    return AttackSummary(
        attack=t.attack,
        classes=t.classes,
        clean=points[0],
        end=points[-1],
        blind=None if np.isnan(blind) else points[int(blind)],
        saturated=_share(t.steps["saturated"][:, -1]),
        first_saturated=_half_saturated(t),
        beyond_clean=_share(beyond),
        below_clean_confidence=_share(beyond & (confidence[:, -1] < confidence[:, 0])),
    )


def _points(steps: pl.DataFrame, transfers: pl.DataFrame) -> list[Point]:
    shares: dict[int, dict[str, float]] = {}
    for row in transfer_by_iteration(transfers).iter_rows(named=True):
        shares.setdefault(row["iteration"], {})[row["victim"]] = row["misclassified"]
    return [
        Point(row["iteration"], row["confidence"], row["ca1"], row["group_log_odds"], shares.get(row["iteration"], {}))
        for row in by_iteration(steps).iter_rows(named=True)
    ]


def _half_saturated(t: Trajectories) -> int | None:
    """The first iteration at which at least half of the examples have been saturated, then or before."""
    firsts = np.sort(first_true(t.steps["saturated"]))
    position = firsts[-(-len(t) // 2) - 1]
    return int(t.iterations[position]) if position < len(t.iterations) else None


def _share(flags: Flags) -> float:
    return float(flags.mean())
