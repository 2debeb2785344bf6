"""From trajectories to curves over transferability: cleaning and aggregation, as in Appendix B of the paper."""

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from presoftmax.analysis.trajectories import Reading, Trajectories, by_source
from presoftmax.tables import NOT_FINITE

__all__ = ["CURVE_COLUMNS", "Reading", "clean", "curves_of", "transfer_curves"]

_PAIR = ["attack", "source", "victim"]
CURVE_COLUMNS = ("ca1", "confidence", "log_odds")
"""What is averaged."""
_Z95 = 1.96


def clean(transfers: pl.DataFrame | pl.LazyFrame, reading: Reading = "misclassified") -> pl.DataFrame:
    """Which examples stay after cleaning: those that have transferred at the last iteration.

    Args:
        transfers: the `transfers` table.
        reading: what counts as transferred.

    Returns:
        One row per ``attack, source, victim, example``: ``kept``, and ``finite`` (whether the victim's answers all
        were; where not, the example is not kept).
    """
    last = pl.col("iteration") == pl.col("iteration").max()
    return (
        transfers.lazy()
        .group_by(*_PAIR, "example")
        .agg(
            (pl.col("predicted") != NOT_FINITE).all().alias("finite"),
            pl.col(reading).filter(last).first().alias("transferred"),
        )
        .select(*_PAIR, "example", (pl.col("finite") & pl.col("transferred")).alias("kept"), "finite")
        .sort(*_PAIR, "example")
        .collect()
    )


def transfer_curves(
    steps: pl.DataFrame | pl.LazyFrame,
    transfers: pl.DataFrame | pl.LazyFrame,
    reading: Reading = "misclassified",
) -> pl.DataFrame:
    """CA1, confidence and log-odds of the source against the share transferred to a victim, iteration by iteration.

    Both the cleaned curve, over the examples that `clean` keeps, which ends at 100 % by construction, and the
    uncleaned one. Examples with an answer that was not finite are left out of both.

    Args:
        steps: the `steps` table.
        transfers: the `transfers` table of the same examples.
        reading: what counts as transferred.

    Returns:
        Sorted by ``attack, source, victim, cleaned, iteration``: these, ``examples``, ``transferability`` (in %),
        and for each of ``ca1``, ``confidence`` and ``log_odds`` the mean and the bounds ``_low`` and ``_high`` of its
        95 % confidence interval, mean +- 1.96 s / sqrt(n) (null for a single example).

    Raises:
        DataError: no rows, or an example that lacks an iteration.
    """
    curves = [curves_of(each, reading) for each in by_source(steps, transfers, CURVE_COLUMNS)]
    return pl.concat(curves).sort(*_PAIR, "cleaned", "iteration")


def curves_of(trajectories: Trajectories, reading: Reading = "misclassified") -> pl.DataFrame:
    """The rows of `transfer_curves` for one attack and source."""
    values = {name: trajectories.values(name) for name in CURVE_COLUMNS}
    parts = []
    for victim, readings in trajectories.transferred.items():
        flags = readings[reading]
        everything = np.ones(len(trajectories), dtype=bool)
        for cleaned, chosen in ((False, everything), (True, flags[:, -1])):
            if not chosen.any():
                continue
            columns: dict[str, Any] = {
                "iteration": trajectories.iterations.astype(np.int32),
                "transferability": 100 * flags[chosen].mean(axis=0),
            }
            for name in CURVE_COLUMNS:
                columns |= _interval(name, values[name][chosen])
            keys = {"attack": trajectories.attack, "source": trajectories.source, "victim": victim, "cleaned": cleaned}
            constants = [pl.lit(value).alias(key) for key, value in keys.items()]
            count = pl.lit(int(chosen.sum()), dtype=pl.UInt32).alias("examples")
            frame = pl.DataFrame(columns).with_columns(*constants, count)
            parts.append(frame.select(*keys, "iteration", "examples", pl.exclude(*keys, "iteration", "examples")))
    return pl.concat(parts) if parts else _no_curves()


def _interval(name: str, values: npt.NDArray[np.float64]) -> dict[str, pl.Series]:
    mean, count = values.mean(axis=0), len(values)
    half = _Z95 * values.std(axis=0, ddof=1) / np.sqrt(count) if count > 1 else np.full(len(mean), np.nan)
    bounds = {name: mean, f"{name}_low": mean - half, f"{name}_high": mean + half}
    return {key: pl.Series(each, nan_to_null=True) for key, each in bounds.items()}


def _no_curves() -> pl.DataFrame:
    numbers = ["transferability", *(f"{n}{end}" for n in CURVE_COLUMNS for end in ("", "_low", "_high"))]
    keys = {"attack": pl.String, "source": pl.String, "victim": pl.String, "cleaned": pl.Boolean}
    counts = {"iteration": pl.Int32, "examples": pl.UInt32}
    return pl.DataFrame(schema={**keys, **counts, **dict.fromkeys(numbers, pl.Float64)})
