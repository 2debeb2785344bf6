"""Reading tables. A path is a path: polars would take ``[1]`` in a folder's name for a pattern."""

from collections.abc import Iterable
from pathlib import Path

import polars as pl

from presoftmax.storage.atomic import DamagedError

__all__ = ["flat", "read_table", "scan_tables", "table_columns"]


def read_table(path: Path) -> pl.DataFrame:
    """A Parquet file; raises `DamagedError` where it is none."""
    try:
        return pl.read_parquet(path, glob=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DamagedError(f"{path}: not a readable table") from error


def scan_tables(paths: Iterable[Path]) -> pl.LazyFrame:
    """Parquet files of the same columns, one after the other."""
    return pl.scan_parquet(list(paths), glob=False)


def flat(frame: pl.DataFrame) -> pl.DataFrame:
    """The same table with lists as text, their entries separated by spaces: CSV knows no lists.

    ::

        ps.analysis.flat(trace.steps).write_csv("steps.csv")

    Args:
        frame: any table. An empty list becomes an empty text, and null stays null.
    """
    lists = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.List)]
    return frame.with_columns(pl.col(name).cast(pl.List(pl.String)).list.join(" ") for name in lists)


def table_columns(path: Path) -> list[str]:
    """Names of the columns of a Parquet file."""
    return pl.scan_parquet(path, glob=False).collect_schema().names()
