"""Reading tables. A path is a path: polars would take ``[1]`` in a folder's name for a pattern."""

from collections.abc import Iterable
from pathlib import Path

import polars as pl

from presoftmax.storage.atomic import DamagedError

__all__ = ["read_table", "scan_tables", "table_columns"]


def read_table(path: Path) -> pl.DataFrame:
    """A Parquet file; raises `DamagedError` where it is none."""
    try:
        return pl.read_parquet(path, glob=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DamagedError(f"{path}: not a readable table") from error


def scan_tables(paths: Iterable[Path]) -> pl.LazyFrame:
    """Parquet files of the same columns, one after the other."""
    return pl.scan_parquet(list(paths), glob=False)


def table_columns(path: Path) -> list[str]:
    """Names of the columns of a Parquet file."""
    return pl.scan_parquet(path, glob=False).collect_schema().names()
