"""Whether predicted probabilities are shares: of all that is given 0.7, does 70 % transfer?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from presoftmax.analysis.events import Flags, Values
from presoftmax.analysis.prediction.logistic import Logistic, fit_logistic
from presoftmax.analysis.prediction.trials import Trials

__all__ = ["Bin", "calibration_error", "probability", "probed_errors", "recalibrated", "reliability"]

_BINS = 10
_DRAWS = 20


@dataclass(frozen=True)
class Bin:
    """A tenth of the predictions.

    Attributes:
        predicted: their mean probability.
        observed: share of them that transferred.
        count: how many they are.
    """

    predicted: float
    observed: float
    count: int


def probability(log_odds: Values) -> Values:
    """The probability of log-odds."""
    return 1 / (1 + np.exp(-np.clip(log_odds, -700, 700)))


def reliability(predicted: Values, outcomes: Flags) -> list[Bin]:
    """Bins of equal mass, from the least probable up."""
    order = np.argsort(predicted, kind="stable")
    parts = [part for part in np.array_split(order, _BINS) if len(part)]
    return [Bin(float(predicted[p].mean()), float(outcomes[p].mean()), len(p)) for p in parts]


def calibration_error(predicted: Values, outcomes: Flags) -> float | None:
    """Expected calibration error: mean of ``|predicted - observed|`` over bins of equal mass; None without any."""
    bins = reliability(predicted, outcomes)
    count = sum(each.count for each in bins)
    return sum(abs(each.predicted - each.observed) * each.count for each in bins) / count if count else None


def recalibrated(log_odds: Values, outcomes: Flags) -> Logistic:
    """Slope and offset from probes: predicted log-odds ``(N,)`` and what came of them.

    Raises:
        ValueError: all outcomes are the same.
    """
    return fit_logistic(log_odds[:, None], outcomes)


def probed_errors(trials: Trials, log_odds: Values, probes: Sequence[int]) -> dict[int, float | None]:
    """Mean calibration error for one given victim, by how many labelled probes of it there are (0: none).

    A probe is one trial of an image; errors are of the trials of all other images, averaged over victims and draws.
    """
    generator = np.random.default_rng(0)
    found: dict[int, list[float]] = {count: [] for count in probes}
    for victim in np.unique(trials.victim):
        mine = np.flatnonzero((trials.victim == victim) & np.isfinite(log_odds))
        odds, outcomes, image = log_odds[mine], trials.fooled[mine], trials.image[mine]
        for count in probes:
            for _ in range(_DRAWS if count else 1):
                error = _after_probes(odds, outcomes, image, count, generator)
                found[count] += [] if error is None else [error]
    return {count: float(np.mean(errors)) if errors else None for count, errors in found.items()}


def _after_probes(
    odds: Values, outcomes: Flags, image: npt.NDArray[np.int64], count: int, generator: np.random.Generator
) -> float | None:
    if count == 0:
        return calibration_error(probability(odds), outcomes)
    shuffled = generator.permutation(len(odds))
    _, first = np.unique(image[shuffled], return_index=True)
    probes = shuffled[generator.permutation(first)[:count]]
    rest = ~np.isin(image, image[probes])
    if len(probes) < count or not rest.any() or len(np.unique(outcomes[probes])) < 2:
        return None
    fitted = recalibrated(odds[probes], outcomes[probes])
    return calibration_error(probability(fitted.log_odds(odds[rest][:, None])), outcomes[rest])
