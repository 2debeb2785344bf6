"""How well scores rank strength: rank correlation with transfer, within trajectories and across examples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from presoftmax.analysis.bootstrap import quantiles, resampled_counts
from presoftmax.analysis.events import Flags, Values
from presoftmax.analysis.iterations import log_spaced
from presoftmax.analysis.trajectories import Trajectories, TransferCriterion
from presoftmax.scores import SCORES

__all__ = ["BASELINES", "RANKED", "Ranking", "rank_scores", "resampled_spearman", "spearman"]

BASELINES = ("iteration", "l2", "linf")
"""What any score must beat: how long the attack ran, how far it went."""
RANKED = tuple(score.name for score in SCORES.values() if score.is_ranked)
"""Scores of which the correlation is computed; ``ca1`` ranks as its own tail does."""

_WITHIN = 32
_ACROSS = 8
_ROUNDS = 200
_COMPARED = tuple(score.name for score in SCORES.values() if score.compared)


@dataclass(frozen=True)
class Ranking:
    """Rank correlations of scores with transfer to one victim.

    Attributes:
        within: per score, the mean over examples of the correlation along the trajectory (about 32 log-spaced
            iterations); None where it is defined for none.
        within_defined: per score, for how many examples it is defined (neither score nor transfer constant).
        across: per score, per iteration shown, the correlation across examples; None where undefined.
        across_mean: per score, its mean over the iterations at which it is defined for this score.
        gain: per compared score, the mean of its across-correlation minus that of the confidence, over the iterations
            at which both are defined.
        gain_interval: per compared score, its bootstrap interval.
    """

    within: dict[str, float | None]
    within_defined: dict[str, int]
    across: dict[str, dict[int, float | None]]
    across_mean: dict[str, float | None]
    gain: dict[str, float | None]
    gain_interval: dict[str, tuple[float, float] | None]


def rank_scores(
    trajectories: Trajectories,
    scores: Mapping[str, Values],
    victim: str,
    criterion: TransferCriterion = "misclassified",
) -> Ranking:
    """Correlate scores, each ``(N, T)``, with transfer to a victim.

    Args:
        trajectories: N examples over T iterations.
        scores: by name; higher is to mean stronger.
        victim: its name.
        criterion: what counts as transferred.
    """
    flags = trajectories.transferred[victim][criterion]
    last = int(trajectories.iterations[-1])
    along = _positions(trajectories, log_spaced(last, _WITHIN))
    at = [i for i in _positions(trajectories, log_spaced(last, _ACROSS)) if trajectories.iterations[i] > 0]
    within, defined, across = {}, {}, {}
    for name, values in scores.items():
        each = spearman(values[:, along], flags[:, along], axis=1)
        within[name], defined[name] = _mean(each), int(np.isfinite(each).sum())
        columns = spearman(values[:, at], flags[:, at], axis=0)
        across[name] = {int(trajectories.iterations[i]): _known(float(c)) for i, c in zip(at, columns, strict=True)}
    means = {name: _mean(np.array([c for c in each.values() if c is not None])) for name, each in across.items()}
    gains = _gains(scores, flags, at)
    return Ranking(
        within, defined, across, means, {n: g for n, (g, _) in gains.items()}, {n: i for n, (_, i) in gains.items()}
    )


def spearman(values: npt.NDArray[np.float64], flags: Flags, axis: int) -> Values:
    """Spearman's rank correlation of values and flags along an axis; NaN where one of them is constant.

    The ranks of flags are an affine function of the flags, so only the values need ranking.
    """
    from scipy.stats import rankdata

    a, b = (_centered(each, axis) for each in (rankdata(values, axis=axis), flags.astype(np.float64)))
    length = np.sqrt((a * a).sum(axis=axis) * (b * b).sum(axis=axis))
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation: Values = np.where(length > 0, (a * b).sum(axis=axis) / length, np.nan)
    return correlation


def _centered(ranks: Values, axis: int) -> Values:
    centered: Values = ranks - ranks.mean(axis=axis, keepdims=True)
    return centered


def resampled_spearman(values: Values, flags: Flags, counts: Values) -> Values:
    """Spearman's correlation in each of many resamples; NaN where it is undefined.

    Args:
        values: ``(N,)``.
        flags: ``(N,)``.
        counts: how often each resample holds each example, ``(rounds, N)``, rows of the same sum.

    Returns:
        ``(rounds,)``. Values are sorted once: a resample's ranks follow from the counts of the tied groups.
    """
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    drawn = counts[:, order]
    sizes = np.add.reduceat(drawn, starts, axis=1)
    positive = np.add.reduceat(drawn * flags[order], starts, axis=1)
    total, hits = sizes.sum(axis=1), positive.sum(axis=1)
    ranks = np.cumsum(sizes, axis=1) - sizes / 2 - (total / 2)[:, None]
    length = np.sqrt((sizes * ranks**2).sum(axis=1) * (hits - hits**2 / total))
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation: Values = np.where(length > 0, (positive * ranks).sum(axis=1) / length, np.nan)
    return correlation


def _gains(
    scores: Mapping[str, Values], flags: Flags, at: Sequence[int]
) -> dict[str, tuple[float | None, tuple[float, float] | None]]:
    """How much better than the confidence the compared scores rank, with bootstrap intervals over examples."""
    compared = [name for name in _COMPARED if name in scores]
    if "confidence" not in scores or not at:
        return dict.fromkeys(compared, (None, None))
    examples = len(flags)
    # The first "resample" is the sample itself.
    counts = np.concatenate([np.ones((1, examples)), resampled_counts(examples, _ROUNDS if examples > 1 else 0)])
    each = {
        name: np.stack([resampled_spearman(scores[name][:, i], flags[:, i], counts) for i in at])
        for name in ("confidence", *compared)
    }
    found = {}
    for name in compared:
        gain = _mean_where_known(each[name] - each["confidence"])
        found[name] = (_known(float(gain[0])), quantiles(gain[1:]))
    return found


def _mean_where_known(values: Values) -> Values:
    """Mean over the first axis of what is not NaN; NaN where nothing is."""
    known = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        mean: Values = np.where(known, values, 0).sum(axis=0) / known.sum(axis=0)
    return mean


def _positions(trajectories: Trajectories, iterations: Sequence[int]) -> list[int]:
    known = {int(iteration): i for i, iteration in enumerate(trajectories.iterations)}
    return [known[iteration] for iteration in iterations if iteration in known]


def _mean(values: Values) -> float | None:
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else None


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None
