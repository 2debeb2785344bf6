"""The tables that are written: their columns, and how rows of them are made."""

from presoftmax.tables.records import Recorder, perturbation_record, rows_of, step_record, transfer_record
from presoftmax.tables.schema import (
    CURVES,
    NATURAL,
    NOISE,
    NOT_FINITE,
    SCORE_COLUMNS,
    STEPS,
    STRENGTH,
    SURVIVAL,
    TABLES,
    TOP,
    TRANSFERS,
    Column,
    markdown,
    polars_schema,
    with_scores,
)

__all__ = [
    "CURVES",
    "NATURAL",
    "NOISE",
    "NOT_FINITE",
    "SCORE_COLUMNS",
    "STEPS",
    "STRENGTH",
    "SURVIVAL",
    "TABLES",
    "TOP",
    "TRANSFERS",
    "Column",
    "Recorder",
    "markdown",
    "perturbation_record",
    "polars_schema",
    "rows_of",
    "step_record",
    "transfer_record",
    "with_scores",
]
