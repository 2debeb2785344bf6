"""The order of lines and panels: that in which models and attacks were given, not that of the alphabet."""

from collections.abc import Iterable

import polars as pl

__all__ = ["in_order"]


def in_order(frame: pl.DataFrame, column: str, names: Iterable[str]) -> pl.DataFrame:
    """Rows by the place that a column's name has in a list; among equals, as they were."""
    places = {name: place for place, name in enumerate(names)}
    place = pl.col(column).replace_strict(places, default=len(places), return_dtype=pl.Int64)
    return frame.sort(place, maintain_order=True) if places else frame
