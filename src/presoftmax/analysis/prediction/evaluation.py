"""How well transfer can be told: every method, at three strictnesses, with what is impossible beside it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from presoftmax.analysis.events import Values
from presoftmax.analysis.prediction.at_k import AtK, transferability_at_k
from presoftmax.analysis.prediction.calibration import (
    Bin,
    calibration_error,
    probability,
    probed_errors,
    reliability,
)
from presoftmax.analysis.prediction.concordance import Auroc, auroc, difference
from presoftmax.analysis.prediction.crossfit import all_left_out, ceiling, clean_column
from presoftmax.analysis.prediction.methods import HET, HET_TARGETS, METHODS, RULE
from presoftmax.analysis.prediction.points import CRITERIA, Points
from presoftmax.analysis.prediction.trials import Strictness, Trials
from presoftmax.analysis.trajectories import TransferCriterion
from presoftmax.printing import Printed

__all__ = [
    "CEILING",
    "FITTED",
    "FITTED_CLEAN",
    "CriterionEvaluation",
    "Evaluation",
    "Gain",
    "LeftOut",
    "Ranked",
    "evaluate",
    "judge_log_odds",
    "left_out",
]

FITTED = "fitted, all left out"
FITTED_CLEAN = "fitted, with the victim's clean margin"
CEILING = "ceiling: fitted to this victim"
PROBES = (0, 20, 50, 100)
RIVALS = ("confidence", *HET)
"""What the rule is compared with."""


@dataclass(frozen=True)
class Ranked:
    """How well a method ranks transfer.

    Attributes:
        method: its name; see `METHODS`.
        strictness: what the compared examples have in common.
        value: area under the ROC curve; None where there is nothing to compare.
        low: lower end of the 95 % bootstrap interval over images.
        high: upper end.
    """

    method: str
    strictness: Strictness
    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Gain:
    """How much better the rule ranks than a rival: the difference of the two areas, on the same examples."""

    rival: str
    strictness: Strictness
    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, repr=False)
class CriterionEvaluation(Printed):
    """What was found for one criterion of transfer.

    Attributes:
        criterion: ``misclassified`` or ``targeted``.
        trials: examples shown to victims at some iteration, where the source itself is fooled.
        images: of how many images they are.
        all_images: how many there were to draw them from.
        transferred_images: of how many of them some trial transferred that can be compared with one, in its cell, that
            did not.
        victims: how many victims.
        base_rate: share of the trials that transferred.
        cells: per strictness, in how many cells examples could be compared.
        ranked: every method at every strictness.
        gains: the rule against its rivals, likewise.
        calibration_error: of the fitted probability, over all victims together; None where nothing could be fitted.
        calibration_error_given: the same with the victim's clean margin among the columns.
        brier: mean squared error of the fitted probability.
        probed_errors: mean calibration error for one given victim, by the number of labelled probes of it.
        probed_errors_given: likewise with the victim's clean margin.
        reliability: the fitted probability against what transferred, in tenths.
        at_k: per method, transferability at k among all attacks on a source.
    """

    criterion: TransferCriterion
    trials: int
    images: int
    all_images: int
    transferred_images: int
    victims: int
    base_rate: float
    cells: Mapping[Strictness, int]
    ranked: tuple[Ranked, ...]
    gains: tuple[Gain, ...]
    calibration_error: float | None
    calibration_error_given: float | None
    brier: float | None
    probed_errors: Mapping[int, float | None]
    probed_errors_given: Mapping[int, float | None]
    reliability: tuple[Bin, ...]
    at_k: Mapping[str, tuple[AtK, ...]]

    def area(self, method: str, strictness: Strictness) -> float | None:
        """The area under the ROC curve of one entry of `ranked`."""
        found = (each.value for each in self.ranked if (each.method, each.strictness) == (method, strictness))
        return next(found, None)


@dataclass(frozen=True, repr=False)
class Evaluation(Printed):
    """How well transfer can be told in a study, for each criterion that any of its attacks has."""

    criteria: tuple[CriterionEvaluation, ...]


def evaluate(points: Points, most: int | None = None) -> Evaluation:
    """Evaluate every method, and the fits that leave out what they are asked about.

    Args:
        points: of all attacks.
        most: about so many trials at most of each criterion; of some of the images, drawn at random, where there are
            more. All of them when left out.
    """
    found = []
    for criterion in CRITERIA:
        trials = Trials.of(points, criterion)
        if len(trials):
            found.append(_evaluated(_thinned(trials, most), len(np.unique(trials.image))))
    return Evaluation(tuple(found))


@dataclass(frozen=True)
class LeftOut:
    """What fits are worth on what they never saw: image, victim's family, source and attack.

    Attributes:
        area: under the ROC curve, in cells; None where there is nothing to compare.
        low: lower end of its 95 % interval.
        high: upper end.
        calibration_error: of the probability, over all victims together.
        transferred_images: of how many images some example transferred where another did not.
    """

    area: float | None
    low: float | None
    high: float | None
    calibration_error: float | None
    transferred_images: int


def left_out(trials: Trials, further: Values | None = None) -> LeftOut | None:
    """Evaluate fits with further columns ``(T, K)``; None where nothing could be left out."""
    fitted = all_left_out(trials, further)
    return judge_log_odds(trials, fitted) if np.isfinite(fitted).any() else None


def judge_log_odds(trials: Trials, log_odds: Values) -> LeftOut:
    """What predicted log-odds ``(T,)`` of trials are worth; NaN where nothing was predicted."""
    cells = trials.cells(Strictness.CELL)
    area = auroc(log_odds, cells)
    low, high = area.interval or (None, None)
    return LeftOut(area.value, low, high, _error(log_odds, trials), cells.transferred_images)


def _thinned(trials: Trials, most: int | None) -> Trials:
    """The trials of so many images, drawn at random, that they are not too many."""
    images = np.unique(trials.image)
    if most is None or len(trials) <= most:
        return trials
    kept = np.random.default_rng(0).permutation(images)[: max(1, len(images) * most // len(trials))]
    return trials.select(np.isin(trials.image, kept))


def _evaluated(trials: Trials, images: int) -> CriterionEvaluation:
    fitted = all_left_out(trials)
    given = all_left_out(trials, clean_column(trials))
    values = {name: method(trials) for name, method in METHODS.items()}
    if trials.criterion == "misclassified":
        # There it is the published HET once more.
        del values[HET_TARGETS]
    fits = {FITTED: fitted, FITTED_CLEAN: given, CEILING: ceiling(trials)}
    values |= {name: each for name, each in fits.items() if np.isfinite(each).any()}
    cells = {strictness: trials.cells(strictness) for strictness in Strictness}
    areas = {(name, s): auroc(each, cells[s]) for name, each in values.items() for s in Strictness}
    at_k = {name: tuple(transferability_at_k(each, cells[Strictness.ATTACKS_MIXED])) for name, each in values.items()}
    known = np.isfinite(fitted)
    predicted, outcomes = probability(fitted[known]), trials.fooled[known]
    return CriterionEvaluation(
        criterion=trials.criterion,
        trials=len(trials),
        images=len(np.unique(trials.image)),
        all_images=images,
        transferred_images=cells[Strictness.CELL].transferred_images,
        victims=len(np.unique(trials.victim)),
        base_rate=float(trials.fooled.mean()),
        cells={strictness: len(each.rows) for strictness, each in cells.items()},
        ranked=tuple(_ranked(name, s, area) for (name, s), area in areas.items()),
        gains=tuple(_gain(areas, rival, s) for rival in RIVALS if rival in values for s in Strictness),
        calibration_error=calibration_error(predicted, outcomes),
        calibration_error_given=_error(given, trials),
        brier=float(np.mean((predicted - outcomes) ** 2)) if known.any() else None,
        probed_errors=probed_errors(trials, fitted, PROBES),
        probed_errors_given=probed_errors(trials, given, PROBES),
        reliability=tuple(reliability(predicted, outcomes)),
        at_k=at_k,
    )


def _ranked(name: str, strictness: Strictness, area: Auroc) -> Ranked:
    low, high = area.interval or (None, None)
    return Ranked(name, strictness, area.value, low, high)


def _gain(areas: Mapping[tuple[str, Strictness], Auroc], rival: str, strictness: Strictness) -> Gain:
    value, interval = difference(areas[RULE, strictness], areas[rival, strictness])
    low, high = interval or (None, None)
    return Gain(rival, strictness, value, low, high)


def _error(log_odds: Values, trials: Trials) -> float | None:
    known = np.isfinite(log_odds)
    return calibration_error(probability(log_odds[known]), trials.fooled[known])
