"""The material of run folders: those of a demo or a trace, and of judged examples."""

from pathlib import Path
from typing import Any

import polars as pl

from presoftmax.errors import RunError
from presoftmax.explorer.judged import judged_material
from presoftmax.explorer.material import Material, Part
from presoftmax.explorer.pictures import FolderPictures
from presoftmax.storage import RunFolder, read_table, scan_tables
from presoftmax.text import listed

__all__ = ["run_material"]


def run_material(path: str | Path) -> Material:
    """What a run folder holds: that of ``presoftmax demo``, `Trace.save`, ``presoftmax score`` or `Judged.save`.

    Raises:
        RunError: it is none of these, or damaged.
    """
    folder = RunFolder.open(path)
    if folder.has_tables():
        return _of_traces(folder, _summary(folder))
    if (folder.path / "strength.parquet").is_file():
        return _of_judged(folder, _summary(folder))
    raise RunError(f"{folder.path}: a run without the tables that can be explored (steps and transfers, or strength)")


def _summary(folder: RunFolder) -> dict[str, Any]:
    try:
        found = folder.summary()
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"{folder.path}: run.json cannot be read") from error
    if not isinstance(found, dict):
        raise RunError(f"{folder.path}: run.json is not that of a run")
    return found


def _of_traces(folder: RunFolder, summary: dict[str, Any]) -> Material:
    files = [folder.path / f"{name}.parquet" for name in ("steps", "transfers")]
    for file in files:
        _check_table(file)
    part = Part(*(scan_tables([file]) for file in files))
    attacks = listed([str(name) for name in summary.get("attacks", {})], "attack")
    title = f"{attacks} on {summary.get('source', 'a source')}" if attacks else folder.path.name
    pictures = FolderPictures(folder, _texts(summary.get("examples")))
    return Material(title, [part], pictures, summary.get("classes"))


def _check_table(path: Path) -> None:
    try:
        pl.scan_parquet(path, glob=False).collect_schema()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise RunError(f"{path}: not a readable table") from error


def _of_judged(folder: RunFolder, summary: dict[str, Any]) -> Material:
    tables = {name: read_table(folder.path / f"{name}.parquet") for name in ("strength", "transfers", "natural")}
    source = str(summary.get("source", "source"))
    pictures = FolderPictures(folder, _texts(summary.get("pictured")))
    return judged_material(source, tables, pictures, summary.get("classes"), _texts(summary.get("notes")))


def _texts(found: Any) -> list[str]:
    return [str(each) for each in found] if isinstance(found, list) else []
