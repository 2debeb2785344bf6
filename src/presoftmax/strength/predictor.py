"""A fitted probability of transfer, to a victim of the kind of panel that it was fitted on."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from presoftmax.analysis import TransferCriterion
from presoftmax.analysis.claims import FEWEST
from presoftmax.analysis.prediction import (
    CLEAN_VICTIM,
    FEATURES,
    Known,
    LeftOut,
    Logistic,
    Points,
    Recalibration,
    Trials,
    clean_column,
    columns_of,
    features,
    fit_logistic,
    judge_log_odds,
    left_out,
    probability,
    recalibrated,
    thinned,
)
from presoftmax.errors import DataError
from presoftmax.printing import Printed
from presoftmax.scores import signed_log

__all__ = [
    "FEWEST_PROBES",
    "PROBES_WANTED",
    "Calibration",
    "FittedOn",
    "Predicted",
    "TransferPredictor",
    "judge_predictor",
]

Values = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

FEWEST_PROBES = 20
"""Labelled probes of a victim below which nothing is calibrated."""
PROBES_WANTED = 50
"""From here a calibration is called one: with fewer, the measured error is hardly smaller than without any."""

_RESAMPLES = 40
_EDGE = 0.001
_CHANCE = 0.5


@dataclass(frozen=True)
class FittedOn:
    """What a predictor was fitted on.

    Attributes:
        title: of the study.
        classes: how many the models have.
        sources: names.
        victims: likewise; each was a surrogate of the others.
        attacks: names.
        images: how many.
        trials: how many examples, shown to a victim at some iteration, at which the source was fooled.
        base_rate: share of them that transferred.
    """

    title: str
    classes: int
    sources: tuple[str, ...]
    victims: tuple[str, ...]
    attacks: tuple[str, ...]
    images: int
    trials: int
    base_rate: float


@dataclass(frozen=True)
class Calibration:
    """Labelled probes of one victim, and what they changed."""

    victim: str
    probes: int
    change: Recalibration


@dataclass(frozen=True, repr=False)
class Predicted(Printed):
    """Probabilities of transfer of N examples.

    Attributes:
        probability: ``(N,)``.
        low: lower end of the 95 % interval by resampling images and victims of the fit.
        high: upper end.
        outside: whether an example lies outside what was fitted in some column, ``(N,)``: its probability is a guess.
        notes: what must be said with the numbers.
    """

    probability: Values
    low: Values
    high: Values
    outside: Flags
    notes: tuple[str, ...]


@dataclass(frozen=True, repr=False)
class TransferPredictor(Printed):
    """A ridge logistic regression of a few columns; made by `fit`, kept by `save_predictor`.

    It speaks of *a* victim of such a panel. How often one given victim is fooled cannot be known from examples:
    `calibrate` tells it from labelled probes.

    Attributes:
        criterion: what counts as transferred.
        columns: names of its columns.
        fitted: the regression.
        resampled: the same, fitted to resampled images and victims.
        lowest: of each column where it was fitted, ``(F,)``.
        highest: likewise.
        about: what it was fitted on.
        left_out: how well it ranks, and how well it is calibrated, on what was left out; None where nothing could be.
        calibration: to one victim, if any.
    """

    criterion: TransferCriterion
    columns: tuple[str, ...]
    fitted: Logistic
    resampled: tuple[Logistic, ...]
    lowest: Values
    highest: Values
    about: FittedOn
    left_out: LeftOut | None
    calibration: Calibration | None = None

    @classmethod
    def fit(
        cls,
        points: Points,
        classes: int,
        title: str = "",
        criterion: TransferCriterion = "misclassified",
        with_clean_victim: bool = False,
    ) -> "TransferPredictor":
        """Fit on the points of a study; see `presoftmax.study.points_of`.

        Args:
            points: of all attacks.
            classes: how many the models have.
            title: of the study.
            criterion: what counts as transferred.
            with_clean_victim: also use the victim's log-odds of the clean image, one benign query.

        Raises:
            DataError: nothing transferred, or everything did, or there are no surrogates.
        """
        trials = Trials.of(points, criterion)
        if len(trials) == 0 or trials.fooled.all() or not trials.fooled.any():
            raise DataError(
                f"nothing can be fitted: of {len(trials)} examples that fool their source, shown to a victim of "
                f"another family, {int(trials.fooled.sum())} transferred ({criterion})"
            )
        further = clean_column(trials) if with_clean_victim else None
        columns = columns_of(trials, further=further)
        return cls(
            criterion=criterion,
            columns=(*FEATURES, CLEAN_VICTIM) if with_clean_victim else FEATURES,
            fitted=_fitted(trials, columns),
            resampled=tuple(_fitted(trials, columns, _weights(trials, seed)) for seed in range(_RESAMPLES)),
            lowest=np.quantile(columns, _EDGE, axis=0),
            highest=np.quantile(columns, 1 - _EDGE, axis=0),
            about=_about(trials, classes, title),
            left_out=left_out(trials, further),
        )

    @property
    def tells(self) -> bool | None:
        """Whether it ranks better than chance what it never saw; None where that could not be measured."""
        if self.left_out is None or self.left_out.low is None or self.left_out.transferred_images < FEWEST:
            return None
        return self.left_out.low > _CHANCE

    def predict(self, known: Known, classes: int, clean: Values | None = None) -> Predicted:
        """Probabilities of transfer.

        Args:
            known: what is known of N examples.
            classes: how many the models have that said it.
            clean: the victim's log-odds of the clean images in units of its scale, ``(N,)``, for a predictor that was
                fitted with them.

        Raises:
            DataError: another number of classes, or the victim's answers are missing, or not asked for.
        """
        odds, columns = self._odds(known, classes, clean)
        told = _told(known, clean)
        several = np.stack([self._calibrated(each.log_odds(columns)) for each in self.resampled])
        low, high = np.quantile(probability(several), (0.025, 0.975), axis=0)
        central = probability(self._calibrated(odds))
        outside: Flags = np.any((columns < self.lowest) | (columns > self.highest), axis=1) | ~told
        bounds = np.minimum(low, central), np.maximum(high, central)
        return Predicted(central, *bounds, outside, tuple(self._notes(int(outside.sum()), len(outside))))

    def calibrate(
        self, victim: str, known: Known, classes: int, wrong: Flags, clean: Values | None = None
    ) -> "TransferPredictor":
        """The same for one given victim, from labelled probes: examples that it was shown.

        Args:
            victim: its name.
            known: what is known of the probes.
            classes: as for `predict`.
            wrong: whether the victim was fooled by each, ``(N,)``.
            clean: as for `predict`.

        Raises:
            DataError: fewer than 20 probes, or all of them fooled it, or none.
        """
        fooled = np.asarray(wrong, dtype=bool)
        odds, _ = self._odds(known, classes, clean)
        if fooled.shape != odds.shape:
            raise DataError(f"{len(odds)} probes and {fooled.size} answers of {victim}; each probe needs one")
        if len(fooled) < FEWEST_PROBES:
            raise DataError(f"{len(fooled)} labelled probes of {victim}; at least {FEWEST_PROBES} are needed")
        if fooled.all() or not fooled.any():
            raise DataError(f"{'all' if fooled.all() else 'none'} of the probes fooled {victim}: nothing to calibrate")
        return replace(self, calibration=Calibration(victim, len(fooled), recalibrated(odds, fooled)))

    def check(self, classes: int) -> None:
        """Raise `DataError` unless models of so many classes are those that it was fitted on."""
        if classes != self.about.classes:
            raise DataError(
                f"this predictor was fitted on models of {self.about.classes} classes, these have {classes}"
            )

    def _odds(self, known: Known, classes: int, clean: Values | None) -> tuple[Values, Values]:
        self.check(classes)
        wanted = CLEAN_VICTIM in self.columns
        if wanted != (clean is not None):
            raise DataError(
                "this predictor needs the victim's answers to the clean images"
                if wanted
                else "this predictor was fitted without the victim's answers to the clean images"
            )
        columns = features(known)
        if clean is not None:
            columns = np.concatenate([columns, signed_log(np.nan_to_num(clean))[:, None]], axis=1)
        return self.fitted.log_odds(columns), columns

    def _calibrated(self, odds: Values) -> Values:
        return odds if self.calibration is None else self.calibration.change.apply(odds)

    def _notes(self, outside: int, count: int) -> list[str]:
        panel = f"{len(self.about.victims)} models ({self.about.title or 'untitled'})"
        if self.calibration is None:
            notes = [f"not calibrated to a victim: probabilities are for a victim of such a panel as the fit's {panel}"]
        elif self.calibration.probes < PROBES_WANTED:
            found = f"only {self.calibration.probes} labelled probes of {self.calibration.victim}"
            notes = [f"not calibrated: {found}; {PROBES_WANTED} are needed"]
        else:
            notes = [f"calibrated to {self.calibration.victim} by {self.calibration.probes} labelled probes"]
        if self.tells is None:
            notes.append("what this predictor is worth could not be measured: there was too little to leave out")
        if self.tells is False:
            notes.append("this predictor ranks no better than chance what it was not fitted on")
        if outside:
            notes.append(f"{outside} of {count} examples lie outside what was fitted: their probabilities are guesses")
        return notes


def judge_predictor(predictor: TransferPredictor, points: Points, classes: int) -> LeftOut:
    """What a predictor is worth on the points of a study that it was not fitted on.

    Raises:
        DataError: models of another number of classes, or nothing to predict.
    """
    predictor.check(classes)
    trials = Trials.of(points, predictor.criterion)
    if len(trials) == 0:
        raise DataError(f"no example of this study has anything to predict ({predictor.criterion})")
    columns = columns_of(trials, further=clean_column(trials) if CLEAN_VICTIM in predictor.columns else None)
    return judge_log_odds(trials, predictor.fitted.log_odds(columns))


def _told(known: Known, clean: Values | None) -> Flags:
    """Whether all that a prediction stands on is known, of each example; what is not stands as 0 in the columns."""
    some = np.isfinite(known.surrogates).any(axis=1)
    others = [each for each in (known.copies, known.l2, known.natural_ca1, clean) if each is not None]
    told: Flags = np.all(np.stack([some, *map(np.isfinite, others)]), axis=0, keepdims=True)[0]
    return told


def _fitted(trials: Trials, columns: Values, weights: Values | None = None) -> Logistic:
    rows = thinned(np.arange(len(columns)))
    drawn = None if weights is None else weights[rows]
    present = trials.fooled[rows] if drawn is None else trials.fooled[rows][drawn > 0]
    if drawn is not None and (present.all() or not present.any()):
        drawn = None
    return fit_logistic(columns[rows], trials.fooled[rows], weights=drawn)


def _weights(trials: Trials, seed: int) -> Values:
    """How often a resample of images and of victims holds each trial."""
    generator = np.random.default_rng(seed)
    drawn = []
    for each in (trials.image, trials.victim):
        names, position = np.unique(each, return_inverse=True)
        drawn.append(generator.multinomial(len(names), np.full(len(names), 1 / len(names)))[position])
    return (drawn[0] * drawn[1]).astype(np.float64)


def _about(trials: Trials, classes: int, title: str) -> FittedOn:
    names = trials.points.models.names
    return FittedOn(
        title=title,
        classes=classes,
        sources=tuple(names[i] for i in np.unique(trials.source)),
        victims=tuple(names[i] for i in np.unique(trials.victim)),
        attacks=tuple(str(each) for each in np.unique(trials.points.attack[trials.row])),
        images=len(np.unique(trials.image)),
        trials=len(trials),
        base_rate=float(trials.fooled.mean()),
    )
