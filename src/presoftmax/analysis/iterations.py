"""Plain means over the examples, iteration by iteration, and which iterations are looked at more closely."""

import numpy as np
import polars as pl

from presoftmax.scores import RECORDED
from presoftmax.tables import NOT_FINITE

__all__ = ["AVERAGED", "by_iteration", "finite_only", "log_spaced", "transfer_by_iteration", "without_probes"]

AVERAGED = (*(score.name for score in RECORDED), "ca2", "saturated")
"""What is averaged: every recorded score, the second logit, and whether the confidence is exactly 1."""


def log_spaced(steps: int, count: int) -> list[int]:
    """Iteration 0, iteration ``steps``, and about ``count`` in between, evenly spaced in their logarithm.

    Dense at the beginning, where most happens.
    """
    return sorted({0, *np.geomspace(1, steps, count).round().astype(int).tolist()})


def finite_only(frame: pl.DataFrame | pl.LazyFrame) -> pl.LazyFrame:
    """Rows in which the model's logits were finite, without the probes of a recorded attack."""
    return without_probes(frame.lazy().filter(pl.col("predicted") != NOT_FINITE))


def without_probes(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Rows of iterations only: no images that a recorded attack just looked at."""
    return rows.filter(~pl.col("probe").fill_null(False)) if "probe" in rows.collect_schema().names() else rows


def by_iteration(steps: pl.DataFrame | pl.LazyFrame) -> pl.DataFrame:
    """Means of the source's measures over the examples.

    Args:
        steps: the `steps` table.

    Returns:
        Sorted by ``attack, source, iteration``: these, ``examples``, and the mean of each of `AVERAGED` that the
        table has (of ``saturated``, the share).
    """
    keys = ["attack", "source", "iteration"]
    finite = finite_only(steps)
    there = [name for name in AVERAGED if name in finite.collect_schema().names()]
    return (
        finite.group_by(keys)
        .agg(pl.len().alias("examples"), *(pl.col(name).cast(pl.Float64).mean() for name in there))
        .sort(keys)
        .collect()
    )


def transfer_by_iteration(transfers: pl.DataFrame | pl.LazyFrame) -> pl.DataFrame:
    """Share of the examples that transferred.

    Args:
        transfers: the `transfers` table.

    Returns:
        Sorted by ``attack, source, victim, iteration``: these, ``examples``, and the shares ``misclassified`` and
        ``targeted`` (null where the attack has no targets).
    """
    keys = ["attack", "source", "victim", "iteration"]
    shares = [pl.col(name).cast(pl.Float64).mean() for name in ("misclassified", "targeted")]
    return finite_only(transfers).group_by(keys).agg(pl.len().alias("examples"), *shares).sort(keys).collect()
