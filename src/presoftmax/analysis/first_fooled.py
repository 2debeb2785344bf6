"""When an example first fools each model: the source itself, and every victim."""

import polars as pl

from presoftmax.analysis.iterations import without_probes
from presoftmax.errors import DataError
from presoftmax.tables import FIRST_FOOLED, NOT_FINITE

__all__ = ["first_fooled"]

_KEYS = ["attack", "source", "example"]
_AT = [*_KEYS, "iteration"]
_MEASURES = ["confidence", "ca1", "misclassification_log_odds"]


def first_fooled(
    steps: pl.DataFrame | pl.LazyFrame, transfers: pl.DataFrame | pl.LazyFrame | None = None
) -> pl.DataFrame:
    """When each example first fools each model, and how strong it was on its source by then.

    The scores say what confidence cannot: an example that fools a victim at a confidence of 1.00 may need a
    misclassification log-odds of 5 or of 50 for it.

    Args:
        steps: the `steps` table, or that of a recording; images that a recorded attack only looked at do not count.
        transfers: the `transfers` table of the same examples; the source alone when left out.

    Returns:
        The table `first_fooled` (see `presoftmax.schema`), sorted by ``attack, source, example``, of each example the
        source before the victims. An answer that is not finite fools nobody.

    Raises:
        DataError: a table that lacks a column.
    """
    own = _of_the_source(_checked("steps", steps, [*_AT, "label", "targets", "predicted", *_MEASURES]))
    parts = [own.select(*_AT, model="source", misclassified="misclassified", targeted="targeted")]
    if transfers is not None:
        shown = _checked("transfers", transfers, [*_AT, "victim", "misclassified", "targeted"])
        # What was only looked at is not among the source's rows.
        shown = shown.join(own.select(_AT), on=_AT, how="semi")
        parts.append(shown.select(*_AT, model="victim", misclassified="misclassified", targeted="targeted"))
    firsts = pl.concat(parts).group_by(*_KEYS, "model").agg(_first("misclassified"), _first("targeted"))
    then = own.select(*_KEYS, *_MEASURES, first_misclassified="iteration")
    return (
        firsts.join(then, on=[*_KEYS, "first_misclassified"], how="left")
        .sort(*_KEYS, pl.col("model") != pl.col("source"), "model")
        .select(pl.col(column.name).cast(column.dtype) for column in FIRST_FOOLED)
        .collect()
    )


def _first(criterion: str) -> pl.Expr:
    return pl.col("iteration").filter(pl.col(criterion)).min().alias(f"first_{criterion}")


def _of_the_source(steps: pl.LazyFrame) -> pl.LazyFrame:
    """The source's rows with what `transfers` says of victims: whether the top class is wrong, or a target."""
    finite, predicted = pl.col("predicted") != NOT_FINITE, pl.col("predicted")
    return without_probes(steps).with_columns(
        misclassified=finite & (predicted != pl.col("label")),
        targeted=predicted.is_in(pl.col("targets")),
    )


def _checked(name: str, frame: pl.DataFrame | pl.LazyFrame, columns: list[str]) -> pl.LazyFrame:
    there = frame.lazy().collect_schema().names()
    missing = [column for column in columns if column not in there]
    if missing:
        raise DataError(
            f"first_fooled(steps, transfers): {name} lacks the column {missing[0]!r}; see presoftmax.schema"
        )
    return frame.lazy()
