"""The documentation page of the tables is the one that the schema prints."""

from pathlib import Path

import polars as pl

from presoftmax.tables import schema

PAGE = Path(__file__).parents[2] / "docs" / "tables.md"


def test_the_page_is_current():
    assert PAGE.read_text(encoding="utf-8") == schema.markdown(), "run: python -m presoftmax.tables > docs/tables.md"


def test_names_are_unique_and_every_column_says_what_it_means():
    for columns in (schema.STEPS, schema.TRANSFERS):
        assert len(schema.polars_schema(columns)) == len(columns)
        assert all(column.meaning and isinstance(column.dtype, pl.DataType) for column in columns)
