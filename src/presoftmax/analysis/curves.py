"""From trajectories to curves over transferability: cleaning and aggregation, as in Appendix B of the paper."""

from typing import Literal

import polars as pl

from presoftmax.analysis.iterations import finite_only
from presoftmax.schema import NOT_FINITE

__all__ = ["Reading", "clean", "transfer_curves"]

Reading = Literal["misclassified", "targeted"]
"""What counts as transferred: any wrong class (the paper's), or one of the targets."""

_PAIR = ["attack", "source", "victim"]
_Y = ("ca1", "confidence", "log_odds")
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
    uncleaned one.

    Args:
        steps: the `steps` table.
        transfers: the `transfers` table of the same examples.
        reading: what counts as transferred.

    Returns:
        Sorted by ``attack, source, victim, cleaned, iteration``: these, ``examples``, ``transferability`` (in %),
        and for
        each of ``ca1``, ``confidence`` and ``log_odds`` the mean and the bounds ``_low`` and ``_high`` of its 95 %
        confidence interval, mean +- 1.96 s / sqrt(n) (null for a single example).
    """
    keys = ["attack", "source", "example", "iteration"]
    shown = finite_only(transfers).select(*keys, "victim", pl.col(reading).alias("transferred"))
    joined = shown.join(finite_only(steps).select(*keys, *_Y), on=keys)
    kept = clean(transfers, reading).lazy().filter("kept").select(*_PAIR, "example")
    cleaned = joined.join(kept, on=[*_PAIR, "example"], how="semi").with_columns(cleaned=pl.lit(True))
    everything = joined.with_columns(cleaned=pl.lit(False))
    order = [*_PAIR, "cleaned", "iteration"]
    return (
        pl.concat([cleaned, everything])
        .group_by(order)
        .agg(
            pl.len().alias("examples"),
            (100 * pl.col("transferred").cast(pl.Float64).mean()).alias("transferability"),
            *(bound for name in _Y for bound in _interval(name)),
        )
        .sort(order)
        .collect()
    )


def _interval(name: str) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    value = pl.col(name).cast(pl.Float64)
    half = _Z95 * value.std() / pl.len().sqrt()
    return (
        value.mean().alias(name),
        (value.mean() - half).alias(f"{name}_low"),
        (value.mean() + half).alias(f"{name}_high"),
    )
