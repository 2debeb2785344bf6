"""The tables in numbers: what each detector finds, what it flags that is harmless, and what it costs who knows it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from presoftmax.analysis import quantiles, resampled_counts
from presoftmax.defense.conformal import FalsePositives, false_positives, smallest_rate
from presoftmax.defense.evaluation._shares import Interval, is_unfit, share_interval
from presoftmax.defense.evaluation.detections import ON_THE_WAY
from presoftmax.defense.evaluation.prices import PASSING, Price, Tried, prices_of
from presoftmax.printing import Printed

__all__ = ["FPRS", "ControlRate", "DefenseSummary", "Detection", "summarize"]

FPRS = (0.01, 0.05)
"""False-positive rates of the tables."""
_AS_IS = "as they are"
_ROUNDS = 200

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Detection:
    """How well a detector tells one attack's images at one moment from natural ones.

    Attributes:
        source: model.
        detector: its name.
        attack: its name.
        moment: of the images; with ``iteration``, for those on the way.
        iteration: None for the other moments.
        images: how many fool the source then.
        area: under the ROC curve, against held-out natural images as they are.
        area_interval: 95 %, images of both kinds drawn anew.
        found: share flagged at each of `FPRS`; None where so few natural images can set no such threshold.
        found_intervals: 95 %, exact (Clopper and Pearson 1934), of the threshold as it is.
    """

    source: str
    detector: str
    attack: str
    moment: str
    iteration: int | None
    images: int
    area: float
    area_interval: Interval
    found: tuple[float | None, ...]
    found_intervals: tuple[Interval, ...]


@dataclass(frozen=True)
class ControlRate:
    """What share of harmless images a detector flags at a nominal rate, with its exact interval; `is_unfit`."""

    source: str
    detector: str
    control: str
    fpr: float
    images: int
    flagged: float
    interval: Interval
    unfit: bool


@dataclass(frozen=True, repr=False)
class DefenseSummary(Printed):
    """All of it.

    Attributes:
        detections: of attacks that know no detector.
        controls: shares of harmless images that are flagged.
        prices: of passing a detector.
        calibration: natural images that set each threshold.
        rates: what each of `FPRS` may really be, given how many these are; None where they can set none.
    """

    detections: tuple[Detection, ...]
    controls: tuple[ControlRate, ...]
    prices: tuple[Price, ...]
    calibration: int
    rates: tuple[FalsePositives | None, ...]

    @property
    def unfit(self) -> set[str]:
        """Detectors that flag too many harmless images of some kind, on some source."""
        return {each.detector for each in self.controls if each.unfit}


def summarize(
    natural: pl.DataFrame,
    detections: pl.DataFrame,
    attempts: pl.DataFrame,
    examples: Sequence[str],
    victims: Sequence[str],
    tried: Iterable[Tried],
    calibration: int,
) -> DefenseSummary:
    """Numbers of the three tables (`presoftmax.tables`).

    Args:
        natural: `NATURAL_STATISTICS`.
        detections: `DETECTIONS`.
        attempts: `ATTEMPTS`.
        examples: ids of the images that were attacked.
        victims: names of all models; none is a victim of itself.
        tried: who was to pass what: an attempt of which nothing came has no rows.
        calibration: natural images that set each threshold.
    """
    known = [fpr for fpr in FPRS if smallest_rate(calibration) <= fpr]
    return DefenseSummary(
        tuple(_detections(natural, detections, known)),
        tuple(_controls(natural, known)),
        tuple(prices_of(attempts, examples, victims, tried, [r for r in PASSING if smallest_rate(calibration) <= r])),
        calibration,
        tuple(false_positives(calibration, fpr) if fpr in known else None for fpr in FPRS),
    )


def _controls(natural: pl.DataFrame, known: Sequence[float]) -> Iterator[ControlRate]:
    keys = ["source", "detector", "control"]
    for (source, detector, control), part in natural.group_by(keys, maintain_order=True):
        for fpr in known:
            count, flagged = part.height, int((part["p_value"] <= fpr).sum())
            names = (str(source), str(detector), str(control))
            interval = share_interval(flagged, count)
            yield ControlRate(*names, fpr, count, flagged / count, interval, is_unfit(flagged, count, fpr))


def _detections(natural: pl.DataFrame, detections: pl.DataFrame, known: Sequence[float]) -> Iterator[Detection]:
    as_is = natural.filter(pl.col("control") == _AS_IS)
    reference = {
        (str(source), str(detector)): part["statistic"].to_numpy()
        for (source, detector), part in as_is.group_by("source", "detector")
    }
    on_the_way = pl.when(pl.col("moment") == ON_THE_WAY).then(pl.col("iteration"))
    keys = ["source", "detector", "attack", "moment", "at"]
    for key, part in detections.with_columns(on_the_way.alias("at")).group_by(keys, maintain_order=True):
        source, detector, attack, moment = map(str, key[:4])
        at = None if key[4] is None else int(str(key[4]))
        area, interval = _area(reference[source, detector], part["statistic"].to_numpy())
        flagged = [int((part["p_value"] <= fpr).sum()) if fpr in known else None for fpr in FPRS]
        found = tuple(None if count is None else count / part.height for count in flagged)
        intervals = tuple(None if count is None else share_interval(count, part.height) for count in flagged)
        yield Detection(source, detector, attack, moment, at, part.height, area, interval, found, intervals)


def _area(natural: Values, attacked: Values) -> tuple[float, Interval]:
    """Area under the ROC curve, natural images and attacked ones both drawn anew for its interval."""
    values = np.concatenate([natural, attacked])
    order = np.argsort(values, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(np.nan_to_num(values[order])) != 0])
    counts = [
        np.concatenate([np.ones((1, len(x))), resampled_counts(len(x), _ROUNDS, seed)])
        for seed, x in enumerate((natural, attacked))
    ]
    weights = np.concatenate([counts[0], np.zeros_like(counts[1])], axis=1)[:, order]
    hits = np.concatenate([np.zeros_like(counts[0]), counts[1]], axis=1)[:, order]
    below, above = (np.add.reduceat(each, starts, axis=1) for each in (weights, hits))
    won = (above * (np.cumsum(below, axis=1) - below / 2)).sum(axis=1)
    areas = won / (len(natural) * len(attacked))
    return float(areas[0]), quantiles(areas[1:]) if len(attacked) > 1 else None
