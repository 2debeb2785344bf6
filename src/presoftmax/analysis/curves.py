"""From trajectories to curves over transferability: cleaning and aggregation, as in Appendix B of the paper."""

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from presoftmax.analysis.trajectories import Trajectories, TransferCriterion, by_source
from presoftmax.errors import DataError
from presoftmax.scores import RECORDED
from presoftmax.tables import CURVES, NOT_FINITE, polars_schema

__all__ = ["CURVE_COLUMNS", "clean_transfers", "curves_of", "transfer_curves"]

_PAIR = ["attack", "source", "victim"]
CURVE_COLUMNS = tuple(score.name for score in RECORDED if score.curved)
"""What is averaged."""
_Z95 = 1.96


def clean_transfers(
    transfers: pl.DataFrame | pl.LazyFrame, criterion: TransferCriterion = "misclassified"
) -> pl.DataFrame:
    """Which examples stay after cleaning: those that have transferred at the last iteration.

    Args:
        transfers: the `transfers` table.
        criterion: what counts as transferred.

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
            pl.col(criterion).filter(last).first().alias("transferred"),
        )
        .select(*_PAIR, "example", (pl.col("finite") & pl.col("transferred")).alias("kept"), "finite")
        .sort(*_PAIR, "example")
        .collect()
    )


def transfer_curves(
    steps: pl.DataFrame | pl.LazyFrame,
    transfers: pl.DataFrame | pl.LazyFrame,
    criterion: TransferCriterion = "misclassified",
) -> pl.DataFrame:
    """CA1, confidence and log-odds of the source against the share transferred to a victim, iteration by iteration.

    Both the cleaned curve, over the examples that `clean_transfers` keeps, which ends at 100 % by construction, and the
    uncleaned one. Examples with an answer that was not finite are left out of both.

    Args:
        steps: the `steps` table.
        transfers: the `transfers` table of the same examples.
        criterion: what counts as transferred.

    Returns:
        The table `curves` (see `presoftmax.schema`), sorted by ``attack, source, victim, cleaned, iteration``; the
        95 % confidence interval of a mean is mean +- 1.96 s / sqrt(n) (null for a single example).

    Raises:
        DataError: no rows, or an example that lacks an iteration.
    """
    curves = [curves_of(each, criterion) for each in by_source(steps, transfers, CURVE_COLUMNS)]
    return pl.concat(curves).sort(*_PAIR, "cleaned", "iteration")


def curves_of(trajectories: Trajectories, criterion: TransferCriterion = "misclassified") -> pl.DataFrame:
    """The rows of `transfer_curves` for one attack and source."""
    values = {name: trajectories.values(name) for name in CURVE_COLUMNS}
    parts = []
    for victim, by_criterion in trajectories.transferred.items():
        flags = by_criterion.get(criterion)
        if flags is None:
            raise DataError(f"{trajectories.attack} has no targets, so none can be hit")
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
            parts.append(frame.select(pl.col(c.name).cast(c.dtype) for c in CURVES))
    return pl.concat(parts) if parts else pl.DataFrame(schema=polars_schema(CURVES))


def _interval(name: str, values: npt.NDArray[np.float64]) -> dict[str, pl.Series]:
    mean, count = values.mean(axis=0), len(values)
    half = _Z95 * values.std(axis=0, ddof=1) / np.sqrt(count) if count > 1 else np.full(len(mean), np.nan)
    bounds = {name: mean, f"{name}_low": mean - half, f"{name}_high": mean + half}
    return {key: pl.Series(each, nan_to_null=True) for key, each in bounds.items()}
