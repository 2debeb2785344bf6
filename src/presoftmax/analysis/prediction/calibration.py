"""Whether predicted probabilities are shares: of all that is given 0.7, does 70 % transfer?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from presoftmax.analysis.events import Flags, Values
from presoftmax.analysis.prediction.trials import Trials

__all__ = ["Bin", "Recalibration", "calibration_error", "probability", "probed_errors", "recalibrated", "reliability"]

_BINS = 10
_DRAWS = 20
_OFFSET_SD, _SLOPE_SD = 1.0, 0.3


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


@dataclass(frozen=True)
class Recalibration:
    """What probes of one victim change: log-odds become ``offset + slope * log-odds``."""

    offset: float
    slope: float

    def apply(self, log_odds: Values) -> Values:
        """Recalibrated log-odds, of the same shape."""
        return self.offset + self.slope * log_odds


def recalibrated(log_odds: Values, outcomes: Flags) -> Recalibration:
    """Slope and offset from probes: predicted log-odds ``(N,)`` and what came of them.

    The most probable ones where beforehand the offset is 0 give or take 1 and the slope 1 give or take 0.3: few probes
    can tell how often a victim is fooled, hardly how steeply.

    Raises:
        ValueError: all outcomes are the same.
    """
    from scipy.optimize import minimize

    if outcomes.all() or not outcomes.any():
        raise ValueError("nothing can be calibrated: the outcomes are all the same")

    def unlikelihood(values: Values) -> float:
        odds = values[0] + values[1] * log_odds
        surprise = float(np.sum(np.logaddexp(0, odds) - outcomes * odds))
        return surprise + float(values[0] ** 2 / (2 * _OFFSET_SD**2) + (values[1] - 1) ** 2 / (2 * _SLOPE_SD**2))

    offset, slope = minimize(unlikelihood, np.array([0.0, 1.0]), method="BFGS").x
    return Recalibration(float(offset), float(slope))


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
    return calibration_error(probability(fitted.apply(odds[rest])), outcomes[rest])
