"""What the explorer shows of a study: its units, its images, and the small tables that make it open at once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from safetensors import safe_open

from presoftmax.explorer import Key, Material, Part, Pixels, StoredTables, store_tables, write_explorer
from presoftmax.storage import scan_tables
from presoftmax.study import ModelNames, Results, StudyFolder, Unit, units_of

__all__ = ["study_material", "write_study_explorer"]

_SAVED = ("examples.parquet", "frames.parquet")


def study_material(study: StudyFolder | str | Path) -> Material:
    """What there is to look at in a finished study.

    Where its report was written, nothing is checked anew: the checksums of a large study take longer than all else.

    Raises:
        StudyError: it has not run to its end, or is damaged.
    """
    folder = StudyFolder.of(study)
    stored = _stored(folder)
    if not (stored.examples.is_file() and stored.frames.is_file()):
        return _material(Results.of(folder), None)
    config = folder.config()
    names = ModelNames.of(config)
    ids = (folder.selection() or {"ids": []})["ids"]
    return _material(Results(folder, config, names, tuple(units_of(config, names, len(ids)))), stored)


def write_study_explorer(results: Results) -> Path:
    """Write ``report/explorer.html``, and the small tables of ``report/explorer/`` that `study_material` opens."""
    stored = _stored(results.folder)
    store_tables(_material(results, None), stored)
    return write_explorer(_material(results, stored), results.folder.path / "report" / "explorer.html")


def _stored(folder: StudyFolder) -> StoredTables:
    return StoredTables(*(folder.path / "report" / "explorer" / name for name in _SAVED))


def _material(results: Results, stored: StoredTables | None) -> Material:
    folder = results.folder
    groups = dict.fromkeys(results.groups())
    units = [unit for group in groups for unit in results.units if (unit.attack, unit.source) == group]
    parts = [
        Part(*(scan_tables([folder.unit_file(unit, f"{name}.parquet")]) for name in ("steps", "transfers")))
        for unit in units
    ]
    classes = (folder.selection() or {}).get("classes")
    return Material(
        results.config.title or folder.path.name, parts, StudyPictures(results), classes, folder.natural(), stored
    )


@dataclass(frozen=True)
class _UnitImages:
    """What was kept of a unit.

    Attributes:
        positions: of its examples.
        last: its last iteration.
        final: whether the images of that are there.
        gallery: iterations that are there of the first ``shown`` examples.
        shown: how many these are.
    """

    positions: Mapping[str, int]
    last: int
    final: bool
    gallery: tuple[int, ...]
    shown: int


@dataclass(frozen=True)
class StudyPictures:
    """The images that a study has kept: the clean ones, the last ones, and more of a few."""

    results: Results = field(repr=False)

    def kept(self, key: Key) -> list[int]:
        """Iterations whose images are there."""
        found = self._of(key)
        place = None if found is None else found.positions.get(key.example)
        clean = {0} if key.example in self._clean else set()
        if found is None or place is None:
            return sorted(clean)
        shown = found.gallery if place < found.shown else ()
        return sorted({*clean, *shown, *([found.last] if found.final else [])})

    def pixels(self, key: Key, iteration: int) -> Pixels | None:
        """One of these."""
        if iteration == 0 and key.example in self._clean:
            chunk, place = self._clean[key.example]
            return _image(self.results.folder.chunk_file(chunk, "images.safetensors"), "images", place)
        found, unit = self._of(key), self._units.get((key.attack, key.source, self._shards.get(key.example, -1)))
        if found is None or unit is None or iteration not in self.kept(key):
            return None
        place = found.positions[key.example]
        if iteration == found.last and found.final:
            return _image(self.results.folder.unit_file(unit, "final.safetensors"), "images", place)
        return _image(self.results.folder.unit_file(unit, "gallery.safetensors"), str(iteration), place)

    @cached_property
    def _ids(self) -> list[str]:
        return list((self.results.folder.selection() or {"ids": []})["ids"])

    @cached_property
    def _shards(self) -> dict[str, int]:
        return {name: place // self.results.config.shard for place, name in enumerate(self._ids)}

    @cached_property
    def _units(self) -> dict[tuple[str, str, int], Unit]:
        return {(unit.attack, unit.source, unit.shard): unit for unit in self.results.units}

    @cached_property
    def _clean(self) -> dict[str, tuple[int, int]]:
        """Of each image, the chunk of candidates that it came in, and its place there."""
        folder = self.results.folder
        found: dict[str, tuple[int, int]] = {}
        for chunk in range((folder.selection() or {"chunks": 0})["chunks"]):
            if folder.chunk_file(chunk, "images.safetensors").is_file():
                for place, name in enumerate(folder.chunk_receipt(chunk)["ids"]):
                    found.setdefault(name, (chunk, place))
        return found

    @cached_property
    def _known(self) -> dict[tuple[str, str, int], _UnitImages]:
        return {}

    def _of(self, key: Key) -> _UnitImages | None:
        at = (key.attack, key.source, self._shards.get(key.example, -1))
        if at not in self._units:
            return None
        if at not in self._known:
            self._known[at] = self._look(self._units[at])
        return self._known[at]

    def _look(self, unit: Unit) -> _UnitImages:
        folder = self.results.folder
        receipt: dict[str, Any] = folder.known_receipt(unit) or {"examples": []}
        # From its rows: a user's own attack may be in a file that is gone.
        rows = scan_tables([folder.unit_file(unit, "steps.parquet")])
        last = int(rows.select(pl.col("iteration").max()).collect().item() or 0)
        final = folder.unit_file(unit, "final.safetensors").is_file()
        gallery, shown = _gallery(folder.unit_file(unit, "gallery.safetensors"))
        positions = {name: place for place, name in enumerate(receipt["examples"])}
        return _UnitImages(positions, last, final, gallery, shown)


def _gallery(path: Path) -> tuple[tuple[int, ...], int]:
    """Iterations in a file of images, and of how many examples they are."""
    if not path.is_file():
        return (), 0
    with safe_open(path, framework="numpy") as images:
        names = [name for name in images.keys() if name.isdecimal()]  # noqa: SIM118  it is no dict
        shown = images.get_slice(names[0]).get_shape()[0] if names else 0
    return tuple(sorted(map(int, names))), shown


def _image(path: Path, name: str, place: int) -> Pixels | None:
    if not path.is_file():
        return None
    with safe_open(path, framework="numpy") as images:
        return np.ascontiguousarray(np.moveaxis(images.get_slice(name)[place], 0, 2))
