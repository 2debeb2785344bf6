"""What the explorer is made of: the tables of a run, and whoever has its images."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

__all__ = ["Key", "Material", "NoPictures", "Part", "Pictures", "Pixels", "StoredTables"]

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Key:
    """Which example: one image under one attack on one source."""

    attack: str
    source: str
    example: str


class Pictures(Protocol):
    """Whoever has the images of a run."""

    def kept(self, key: Key) -> list[int]:
        """Iterations whose images of this example are there, ascending."""
        ...

    def pixels(self, key: Key, iteration: int) -> Pixels | None:
        """A kept image, uint8 ``(H, W, 3)``; None where it is not there."""
        ...


class NoPictures:
    """No images were kept."""

    def kept(self, key: Key) -> list[int]:
        """None."""
        return []

    def pixels(self, key: Key, iteration: int) -> Pixels | None:
        """None."""
        return None


@dataclass(frozen=True)
class Part:
    """Rows that are read together: those of a run, or of one unit of a study.

    Attributes:
        steps: `steps` rows.
        transfers: `transfers` rows of the same examples.
    """

    steps: pl.LazyFrame
    transfers: pl.LazyFrame


@dataclass(frozen=True)
class StoredTables:
    """The small tables that were written when the report was; see `presoftmax.explorer.Tables`."""

    examples: Path
    frames: Path


@dataclass(frozen=True)
class Material:
    """What a view is made of.

    Attributes:
        title: what the page is called.
        parts: the tables.
        pictures: the images.
        classes: names of the classes, where they are known.
        natural: columns ``model`` and any measures of natural images; None: the images of iteration 0 stand in.
        stored: small tables that are there already.
        steps_are_iterations: whether there is more than a before and an after.
        notes: what a careful reader would want to know.
    """

    title: str
    parts: Sequence[Part]
    pictures: Pictures = field(default_factory=NoPictures)
    classes: Sequence[Any] | None = None
    natural: pl.DataFrame | None = None
    stored: StoredTables | None = None
    steps_are_iterations: bool = True
    notes: tuple[str, ...] = ()
