"""Fitted predictions of trials by fits that saw nothing of them: image, victim's family, source and attack left out."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from presoftmax.analysis.events import Flags, Values
from presoftmax.analysis.prediction.features import Known, features
from presoftmax.analysis.prediction.logistic import fit_logistic, thinned
from presoftmax.analysis.prediction.methods import clean_victim
from presoftmax.analysis.prediction.trials import Trials
from presoftmax.scores import signed_log

__all__ = ["all_left_out", "ceiling", "clean_column", "columns_of"]

_FOLDS = 2
_FEWEST = 50


def columns_of(trials: Trials, hidden: Flags | None = None, further: Values | None = None) -> Values:
    """The columns of `FEATURES` of trials, ``(T, F)``, and further ones.

    Args:
        trials: what is wanted.
        hidden: models that are not asked besides, ``(M,)``: the family of a victim that nothing is known of.
        further: more columns, ``(T, K)``.
    """
    points, criterion = trials.points, trials.criterion
    out = np.zeros(len(points.models.names), dtype=bool) if hidden is None else hidden
    known = Known(
        surrogates=np.where(out, np.nan, trials.of_surrogates(points.scaled(criterion))),
        fooled=np.where(out, np.nan, trials.of_surrogates(points.fooled[criterion])),
        copies=points.scaled_copies(criterion)[trials.row],
        l2=points.own["l2"][trials.row] / np.sqrt(points.models.values),
        natural_ca1=points.natural_ca1[trials.row],
    )
    columns = features(known)
    return columns if further is None else np.concatenate([columns, further], axis=1)


def clean_column(trials: Trials) -> Values:
    """The column `CLEAN_VICTIM` of trials, ``(T, 1)``."""
    return signed_log(clean_victim(trials))[:, None]


def all_left_out(trials: Trials, further: Values | None = None) -> Values:
    """Log-odds of transfer ``(T,)`` by fits to other images, victims, sources and attacks; NaN where none was possible.

    No fit saw the victim's family, as victim, source or surrogate.

    Args:
        trials: what is predicted, and what is fitted to.
        further: more columns, ``(T, K)``.
    """
    found = np.full(len(trials), np.nan)
    attack = trials.points.attack[trials.row]
    fold = trials.image % _FOLDS
    for family, kin in _families(trials):
        columns = columns_of(trials, kin, further)
        apart = ~kin[trials.victim] & ~kin[trials.source] & (trials.asked & ~kin).any(axis=1)
        for source in np.unique(trials.source[family]):
            for name in np.unique(attack[family]):
                for part in range(_FOLDS):
                    test = family & (trials.source == source) & (attack == name) & (fold == part)
                    fit = apart & (trials.source != source) & (attack != name) & (fold != part)
                    _predict(found, columns, trials.fooled, fit, test)
    return found


def ceiling(trials: Trials) -> Values:
    """Log-odds of transfer ``(T,)`` by fits that know the victim: what no honest prediction can be expected to reach.

    Only the images are left out. Columns: the log-odds of every network but the victim, the source's copies, and the
    victim's log-odds of the clean image.
    """
    points = trials.points
    found = np.full(len(trials), np.nan)
    fold = trials.image % _FOLDS
    odds = signed_log(points.scaled(trials.criterion))[trials.row]
    odds[np.arange(len(trials)), trials.victim] = 0
    columns = np.column_stack([columns_of(trials), odds, clean_column(trials)])
    for victim in np.unique(trials.victim):
        for source in np.unique(trials.source):
            mine = (trials.victim == victim) & (trials.source == source)
            for part in range(_FOLDS):
                _predict(found, np.nan_to_num(columns), trials.fooled, mine & (fold != part), mine & (fold == part))
    return found


def _families(trials: Trials) -> Iterator[tuple[Flags, Flags]]:
    """Per family of victims: which trials are of its members ``(T,)``, and its members ``(M,)``."""
    models = trials.points.models
    for name in dict.fromkeys(models.families):
        kin = np.array([each == name for each in models.families])
        yield kin[trials.victim], kin


def _predict(found: Values, columns: Values, fooled: Flags, fit: Flags, test: Flags) -> None:
    rows: npt.NDArray[np.int64] = np.flatnonzero(fit)
    if not test.any() or len(rows) < _FEWEST or len(np.unique(fooled[rows])) < 2:
        return
    rows = thinned(rows)
    found[test] = fit_logistic(columns[rows], fooled[rows]).log_odds(columns[test])
