"""Plain means over the examples, iteration by iteration, and where trajectories halted."""

import polars as pl

from presoftmax.tables import NOT_FINITE

__all__ = ["by_iteration", "finite_only", "halted_at", "saturated_from", "transfer_by_iteration"]

_MEASURES = (
    "confidence",
    "ca1",
    "ca2",
    "log_odds",
    "group_log_odds",
    "misclassification_log_odds",
    "saturated",
)


def finite_only(frame: pl.DataFrame | pl.LazyFrame) -> pl.LazyFrame:
    """Rows in which the model's answer was finite."""
    return frame.lazy().filter(pl.col("predicted") != NOT_FINITE)


def by_iteration(steps: pl.DataFrame | pl.LazyFrame) -> pl.DataFrame:
    """Means of the source's measures over the examples.

    Args:
        steps: the `steps` table.

    Returns:
        Sorted by ``attack, source, iteration``: these, ``examples``, and the mean of ``confidence``, ``ca1``, ``ca2``,
        ``log_odds``, ``group_log_odds``, ``misclassification_log_odds`` and ``saturated`` (a share).
    """
    keys = ["attack", "source", "iteration"]
    return (
        finite_only(steps)
        .group_by(keys)
        .agg(pl.len().alias("examples"), *(pl.col(name).cast(pl.Float64).mean() for name in _MEASURES))
        .sort(keys)
        .collect()
    )


def transfer_by_iteration(transfers: pl.DataFrame | pl.LazyFrame) -> pl.DataFrame:
    """Share of the examples that transferred.

    Args:
        transfers: the `transfers` table.

    Returns:
        Sorted by ``attack, source, victim, iteration``: these, ``examples``, and the shares ``misclassified`` and
        ``targeted``.
    """
    keys = ["attack", "source", "victim", "iteration"]
    shares = [pl.col(name).cast(pl.Float64).mean() for name in ("misclassified", "targeted")]
    return finite_only(transfers).group_by(keys).agg(pl.len().alias("examples"), *shares).sort(keys).collect()


def halted_at(steps: pl.DataFrame | pl.LazyFrame) -> pl.DataFrame:
    """The iteration after which no pixel of an example changed any more.

    Args:
        steps: the `steps` table.

    Returns:
        One row per ``attack, source, example``, with ``halted_at``: null where pixels still changed in the last step.
    """
    keys = ["attack", "source", "example"]
    moved = pl.col("iteration").filter(pl.col("changed") > 0).max().fill_null(0)
    return (
        steps.lazy()
        .group_by(keys)
        .agg(moved.alias("moved"), pl.col("iteration").max().alias("last"))
        .select(*keys, pl.when(pl.col("moved") < pl.col("last")).then("moved").alias("halted_at"))
        .sort(keys)
        .collect()
    )


def saturated_from(steps: pl.DataFrame | pl.LazyFrame) -> pl.DataFrame:
    """From when on the confidence of an example says nothing: the first iteration at which it is exactly 1 in float32.

    Args:
        steps: the `steps` table.

    Returns:
        One row per ``attack, source, example``, with ``saturated_from``: null where it never was.
    """
    keys = ["attack", "source", "example"]
    first = pl.col("iteration").filter("saturated").min().alias("saturated_from")
    return finite_only(steps).group_by(keys).agg(first).sort(keys).collect()
