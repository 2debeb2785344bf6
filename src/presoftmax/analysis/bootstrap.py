"""Uncertainty by resampling examples, with their whole trajectories."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

__all__ = ["ROUNDS", "interval", "mean_interval", "median_interval", "quantiles", "resampled_counts"]

ROUNDS = 1000
"""How many times a sample is drawn anew, where nothing else is said."""

Values = npt.NDArray[np.float64]


def mean_interval(values: Values) -> tuple[float, float] | None:
    """95 % percentile interval of the mean of ``(N,)``; None below two values."""
    return interval(values, lambda drawn: drawn.mean(axis=1))


def median_interval(values: Values) -> tuple[float, float] | None:
    """Likewise, of the median."""
    return interval(values, lambda drawn: np.median(drawn, axis=1))


def interval(values: Values, statistic: Callable[[Values], Values]) -> tuple[float, float] | None:
    """Likewise, of any statistic ``(rounds, N) -> (rounds,)``."""
    if len(values) < 2:
        return None
    generator = np.random.default_rng(0)
    drawn = np.concatenate(
        [statistic(values[generator.integers(0, len(values), (ROUNDS // 10, len(values)))]) for _ in range(10)]
    )
    return quantiles(drawn)


def resampled_counts(examples: int, rounds: int, seed: int = 0) -> npt.NDArray[np.float64]:
    """How often each example is drawn, ``(rounds, N)``: a sum over a resample is a product with these.

    Two samples that are drawn apart take another seed each.
    """
    generator = np.random.default_rng(seed)
    return generator.multinomial(examples, np.full(examples, 1 / examples), size=rounds).astype(np.float64)


def quantiles(drawn: Values) -> tuple[float, float] | None:
    """The central 95 % of what was drawn; None where nothing finite was."""
    finite = drawn[np.isfinite(drawn)]
    if len(finite) == 0:
        return None
    low, high = np.quantile(finite, (0.025, 0.975))
    return float(low), float(high)
