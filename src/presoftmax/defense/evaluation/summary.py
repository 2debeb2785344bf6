"""The tables in numbers: what each detector finds, what it flags that is harmless, and what it costs who knows it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import stats

from presoftmax.analysis import mean_interval, quantiles, resampled_counts
from presoftmax.defense.evaluation.detections import ON_THE_WAY
from presoftmax.printing import Printed

__all__ = ["FPRS", "UNAWARE", "ControlRate", "DefenseSummary", "Detection", "Price", "summarize"]

FPRS = (0.01, 0.05)
"""False-positive rates of the tables."""
PASSING = (0.05, 0.5)
"""Rates at which an attacker is to pass: SR@5 and SR@50."""
UNAWARE = "unaware"
UNFIT = 3.0
"""How many times its nominal rate a detector may flag of a benign control."""
_AS_IS = "as they are"
_ROUNDS = 200
_SURE = 0.05

Values = npt.NDArray[np.float64]
Interval = tuple[float, float] | None


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
        area: under the ROC curve, against held-out natural images as they are, with its 95 % interval.
        area_interval: likewise.
        found: share flagged at each of `FPRS`, with intervals.
        found_intervals: likewise.
    """

    source: str
    detector: str
    attack: str
    moment: str
    iteration: int | None
    images: int
    area: float
    area_interval: Interval
    found: tuple[float, ...]
    found_intervals: tuple[Interval, ...]


@dataclass(frozen=True)
class ControlRate:
    """What share of harmless images a detector flags at a nominal rate.

    ``unfit`` where it is more than three times the nominal rate, and not by chance (binomial test at 5 %).
    """

    source: str
    detector: str
    control: str
    fpr: float
    images: int
    flagged: float
    interval: Interval
    unfit: bool


@dataclass(frozen=True)
class Price:
    """What passing a detector costs an attacker.

    Attributes:
        source: model.
        detector: that is to be passed.
        attack: that the attacker starts from.
        attacker: how it was made to pass.
        fpr: rate of the threshold that is to be passed.
        images: attacked.
        undefended: share of the images for which the unaware attack fools the source, no detector being there.
        passed: share for which some iterate fools the source and is not flagged, with its interval.
        passed_interval: likewise.
        transferred: share of all images whose strongest passing iterate fools a victim, mean over the victims.
        transferred_interval: likewise.
        transferred_undefended: the same of the unaware attack, no detector being there.
        cost: how much less transfer that is, with its interval (paired by image).
        cost_interval: likewise.
        victims: share by victim.
        log_odds: median misclassification log-odds of what passes; None where nothing does.
        log_odds_undefended: of the unaware attack's strongest iterates.
    """

    source: str
    detector: str
    attack: str
    attacker: str
    fpr: float
    images: int
    undefended: float
    passed: float
    passed_interval: Interval
    transferred: float
    transferred_interval: Interval
    transferred_undefended: float
    cost: float
    cost_interval: Interval
    victims: dict[str, float]
    log_odds: float | None
    log_odds_undefended: float | None


@dataclass(frozen=True, repr=False)
class DefenseSummary(Printed):
    """All of it."""

    detections: tuple[Detection, ...]
    controls: tuple[ControlRate, ...]
    prices: tuple[Price, ...]

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
) -> DefenseSummary:
    """Numbers of the three tables (`presoftmax.tables`).

    Args:
        natural: `NATURAL_STATISTICS`.
        detections: `DETECTIONS`.
        attempts: `ATTEMPTS`.
        examples: ids of the images that were attacked.
        victims: names of all models; none is a victim of itself.
    """
    prices = _prices(attempts, examples, victims)
    return DefenseSummary(tuple(_detections(natural, detections)), tuple(_controls(natural)), tuple(prices))


def _controls(natural: pl.DataFrame) -> Iterator[ControlRate]:
    keys = ["source", "detector", "control"]
    for (source, detector, control), part in natural.group_by(keys, maintain_order=True):
        for fpr in FPRS:
            count, flagged = part.height, int((part["p_value"] <= fpr).sum())
            test = stats.binomtest(flagged, count, fpr)
            low, high = test.proportion_ci(0.95, "exact")
            certain = stats.binomtest(flagged, count, fpr, "greater").pvalue < _SURE
            unfit = bool(flagged / count > UNFIT * fpr and certain)
            names = (str(source), str(detector), str(control))
            yield ControlRate(*names, fpr, count, flagged / count, (float(low), float(high)), unfit)


def _detections(natural: pl.DataFrame, detections: pl.DataFrame) -> Iterator[Detection]:
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
        flags = [(part["p_value"] <= fpr).to_numpy().astype(np.float64) for fpr in FPRS]
        found, intervals = tuple(float(f.mean()) for f in flags), tuple(mean_interval(f) for f in flags)
        yield Detection(source, detector, attack, moment, at, part.height, area, interval, found, intervals)


def _area(natural: Values, attacked: Values) -> tuple[float, Interval]:
    """Area under the ROC curve, natural images and attacked ones both drawn anew for its interval."""
    values = np.concatenate([natural, attacked])
    order = np.argsort(values, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(values[order]) != 0])
    counts = [np.concatenate([np.ones((1, len(x))), resampled_counts(len(x), _ROUNDS)]) for x in (natural, attacked)]
    weights = np.concatenate([counts[0], np.zeros_like(counts[1])], axis=1)[:, order]
    hits = np.concatenate([np.zeros_like(counts[0]), counts[1]], axis=1)[:, order]
    below, above = (np.add.reduceat(each, starts, axis=1) for each in (weights, hits))
    won = (above * (np.cumsum(below, axis=1) - below / 2)).sum(axis=1)
    areas = won / (len(natural) * len(attacked))
    return float(areas[0]), quantiles(areas[1:]) if len(attacked) > 1 else None


def _prices(attempts: pl.DataFrame, examples: Sequence[str], victims: Sequence[str]) -> Iterator[Price]:
    strongest = attempts.sort("misclassification_log_odds", descending=True, maintain_order=True)
    unaware = {
        (str(source), str(attack)): _Outcome.of(part, examples, victims)
        for (source, attack), part in strongest.filter(pl.col("attacker") == UNAWARE).group_by("source", "attack")
    }
    keys = ["source", "attack", "attacker", "detector"]
    for key, part in strongest.group_by(keys, maintain_order=True):
        source, attack, attacker, detector = map(str, key)
        free = unaware.get((source, attack))
        if free is None:
            continue
        for fpr in PASSING:
            got = _Outcome.of(part.filter(pl.col("p_value") > fpr), examples, victims)
            lost = free.transfer - got.transfer
            yield Price(
                source=source,
                detector=detector,
                attack=attack,
                attacker=attacker,
                fpr=fpr,
                images=len(examples),
                undefended=float(free.passed.mean()),
                passed=float(got.passed.mean()),
                passed_interval=mean_interval(got.passed),
                transferred=float(got.transfer.mean()),
                transferred_interval=mean_interval(got.transfer),
                transferred_undefended=float(free.transfer.mean()),
                cost=float(lost.mean()),
                cost_interval=mean_interval(lost),
                victims=got.by_victim,
                log_odds=got.log_odds,
                log_odds_undefended=free.log_odds,
            )


@dataclass(frozen=True)
class _Outcome:
    """What became of each attacked image."""

    passed: Values
    transfer: Values
    by_victim: dict[str, float]
    log_odds: float | None

    @classmethod
    def of(cls, rows: pl.DataFrame, examples: Sequence[str], victims: Sequence[str]) -> "_Outcome":
        """Of rows from the strongest on: of each example the first counts."""
        best = rows.unique("example", keep="first", maintain_order=True)
        images, position = len(examples), {example: i for i, example in enumerate(examples)}
        passed, transfer = np.zeros(images), np.zeros(images)
        at = [position[example] for example in best["example"]]
        passed[at] = 1.0
        fooled = best["fooled"].to_list()
        others = [name for name in victims if name not in set(best["source"].unique())]
        transfer[at] = [len(set(names) & set(others)) / max(1, len(others)) for names in fooled]
        by_victim = {name: sum(name in names for names in fooled) / images for name in others}
        odds = best["misclassification_log_odds"]
        return cls(passed, transfer, by_victim, float(np.median(odds.to_numpy())) if len(odds) else None)
