"""A study's folder: its config, the chosen images, one folder for each finished unit, each whole or not there.

::

    study.json                  the config as resolved, versions
    variants.json               how each network is run, settled once
    heartbeat.json              how fast the run is, as long as something is left to do
    selection/00000.*           what came of the first candidates: images that all models get right, `natural` rows
    selection.json              which images were chosen, once they are
    parts/ATTACK/SOURCE/00000/  a unit: steps.parquet, transfers.parquet, ..., receipt.json with their checksums

Everything is written as `presoftmax.storage.atomic` says, so a crash at any moment leaves it or does not; and what a
result depends on has a checksum, which is looked at before it is used.
"""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout
from pydantic import BaseModel, ValidationError

from presoftmax.data import as_path
from presoftmax.errors import RunError, StudyError
from presoftmax.printing import Printed
from presoftmax.storage import (
    DamagedError,
    checksum,
    is_unfinished,
    make_folder,
    read_record,
    remove_unfinished,
    replace_folder,
    signed,
    versions,
    write_record,
)
from presoftmax.study._records import ChunkRecord, SelectionRecord, UnitRecord, VariantsRecord, read_checked
from presoftmax.study.config import StudyConfig
from presoftmax.study.units import Unit

if TYPE_CHECKING:
    import polars as pl

__all__ = ["StudyFolder"]

_CONFIG = "study.json"
_VARIANTS = "variants.json"
_SELECTION = "selection.json"
_RECEIPT = "receipt.json"
_LOCK = ".lock"
_LOOKED_AT = 0.5
"""Seconds that whoever only looks whether the folder is locked may have the lock."""
_KIND = "presoftmax study"
_WHAT = "a study's folder"


@dataclass(frozen=True, repr=False)
class StudyFolder(Printed):
    """How the files of a study are read and written."""

    path: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", as_path(self.path, _WHAT))

    @classmethod
    def of(cls, given: "StudyFolder | str | Path") -> "StudyFolder":
        """A study's folder as it is, or that at a path, which is opened."""
        return given if isinstance(given, StudyFolder) else cls.open(given)

    @classmethod
    def start(cls, path: str | Path, config: StudyConfig) -> "StudyFolder":
        """Make the folder of a study, or take the one that is there if it is of the same study.

        Raises:
            StudyError: there is a folder of another study (the settings that differ are named), or of something else.
            RunError: it cannot be made.
        """
        path = as_path(path, _WHAT)
        folder = cls(path)
        if cls.is_one(path):
            different = config.differences(folder.config())
            if different:
                more = f" (and {len(different) - 1} more)" if len(different) > 1 else ""
                raise StudyError(f"{path} holds another study: {different[0]}{more}; give another folder with --out")
            return folder
        try:
            # What a killed run has left half-written is nothing.
            if path.exists() and any(not is_unfinished(each) and each.name != _LOCK for each in path.iterdir()):
                raise StudyError(f"{path}: exists and holds no study; give another folder with --out")
            make_folder(path)
        except OSError as error:
            raise RunError(f"{path}: cannot be made ({error.strerror or error})") from error
        write_record(path / _CONFIG, {"kind": _KIND, "config": config.values(), "versions": versions()})
        return folder

    @classmethod
    def is_one(cls, path: str | Path) -> bool:
        """Whether there is a study's folder."""
        return (as_path(path, _WHAT) / _CONFIG).is_file()

    def discard(self) -> None:
        """Take the folder away with all that is in it: of a study that could not even begin."""
        shutil.rmtree(self.path, ignore_errors=True)

    @classmethod
    def open(cls, path: str | Path) -> "StudyFolder":
        """The folder of a study, or what is left of it; raises `StudyError` if it is none."""
        path = as_path(path, _WHAT)
        if not any((path / name).exists() for name in (_CONFIG, _SELECTION, "selection", "parts")):
            raise StudyError(f"{path}: not the folder of a study (no {_CONFIG})")
        return cls(path)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for one process; raises `StudyError` where another one has it."""
        lock = FileLock(self.path / _LOCK, timeout=_LOOKED_AT)
        try:
            lock.acquire()
        except Timeout:
            raise StudyError(f"{self.path}: another run is working on it") from None
        try:
            remove_unfinished(self.path)
            yield
        finally:
            lock.release()

    def is_locked(self) -> bool | None:
        """Whether a process holds the folder; None where that cannot be told (a folder that may not be written)."""
        if not (self.path / _LOCK).exists():
            return False
        try:
            with FileLock(self.path / _LOCK, timeout=0):
                return False
        except Timeout:
            return True
        except OSError:
            return None

    def config(self) -> StudyConfig:
        """The study's config; raises `StudyError` where the file was damaged."""
        try:
            return StudyConfig.model_validate(self.about()["config"])
        except ValidationError as error:
            problem = error.errors()[0]
            where = ".".join(map(str, problem["loc"]))
            what = f"not a study of this version ({where}: {problem['msg']})"
            raise StudyError(f"{self.path / _CONFIG}: {what}") from error

    def about(self) -> dict[str, Any]:
        """What ``study.json`` says: config and versions."""
        try:
            content = read_record(self.path / _CONFIG)
        except DamagedError as error:
            raise StudyError(f"{error}; give another folder with --out") from error
        except FileNotFoundError as error:
            raise StudyError(f"{self.path / _CONFIG}: missing; give another folder with --out") from error
        if content.get("kind") != _KIND or "config" not in content:
            raise StudyError(f"{self.path / _CONFIG}: not a study")
        return content

    # The selection.

    def chunk_is_whole(self, number: int) -> bool:
        """Whether what came of the candidates of that number is there, and as it was written."""
        return _is_whole(self._chunk(number), ChunkRecord)

    def write_chunk(self, number: int, files: Mapping[str, bytes], receipt: Mapping[str, Any]) -> None:
        """Write what came of a chunk of candidates."""
        replace_folder(self._chunk(number), _with_receipt(files, receipt))

    def chunk_receipt(self, number: int) -> dict[str, Any]:
        """What is known of a chunk besides its files."""
        return read_checked(self._chunk(number) / _RECEIPT, ChunkRecord)

    def chunks(self) -> list[int]:
        """Numbers of the chunks that are there, whole or not."""
        there = (self.path / "selection").glob("[0-9]*")
        return sorted(int(each.name) for each in there if each.name.isdecimal())

    def chunk_file(self, number: int, name: str) -> Path:
        """A file of a chunk."""
        return self._chunk(number) / name

    def forget_chunks(self) -> None:
        """Remove what came of all candidates."""
        for chunk in sorted((self.path / "selection").glob("*")):
            shutil.rmtree(chunk, ignore_errors=True)

    def write_selection(self, content: Mapping[str, Any]) -> None:
        """Write down which images were chosen."""
        write_record(self.path / _SELECTION, content)

    def selection(self) -> dict[str, Any] | None:
        """Which images were chosen; None as long as they are not.

        Raises:
            DamagedError: the file is not as it was written.
        """
        return _if_there(self.path / _SELECTION, SelectionRecord)

    def write_variants(self, content: Mapping[str, Any]) -> None:
        """Write down how networks are run, so that all workers, and those of another day, do the same."""
        write_record(self.path / _VARIANTS, content)

    def variants(self) -> dict[str, Any] | None:
        """How networks are run; None as long as that is not settled.

        Raises:
            DamagedError: the file is not as it was written.
        """
        return _if_there(self.path / _VARIANTS, VariantsRecord)

    def natural(self) -> "pl.DataFrame":
        """The `natural` table of all candidates that were looked at.

        Raises:
            StudyError: no images have been chosen yet, or a file of theirs is damaged.
        """
        import polars as pl

        from presoftmax.storage import read_table

        chosen = self.selection()
        if chosen is None:
            raise StudyError(f"{self.path}: no images have been chosen yet")
        for number in range(chosen["chunks"]):
            if not self.chunk_is_whole(number):
                raise StudyError(f"{self._chunk(number)}: damaged, it is not as it was written; run the study again")
        return pl.concat([read_table(self.chunk_file(number, "natural.parquet")) for number in range(chosen["chunks"])])

    def _chunk(self, number: int) -> Path:
        return self.path / "selection" / f"{number:05d}"

    # The units.

    def is_done(self, unit: Unit) -> bool:
        """Whether a unit is there, its files as they were written."""
        return _is_whole(self.path / "parts" / unit.path, UnitRecord)

    def write_unit(self, unit: Unit, files: Mapping[str, bytes], receipt: Mapping[str, Any]) -> None:
        """Write a finished unit; one that was there and damaged is replaced.

        Raises:
            RunError: it cannot be written (a full disk); nothing of it is left.
        """
        replace_folder(self.path / "parts" / unit.path, _with_receipt(files, receipt))

    def unit_receipt(self, unit: Unit) -> dict[str, Any]:
        """What a unit's receipt says: seconds, passes, device, batch size.

        Raises:
            DamagedError: it is not as it was written.
            FileNotFoundError: the unit is not there.
        """
        return self.receipt_at(unit.path)

    def receipt_at(self, unit: Path) -> dict[str, Any]:
        """The same, by the unit's path."""
        return read_checked(self.path / "parts" / unit / _RECEIPT, UnitRecord)

    def units_there(self) -> Iterator[Path]:
        """Paths of the units that are there, whole or not."""
        parts = self.path / "parts"
        yield from sorted(each.relative_to(parts) for each in parts.glob("*/*/[0-9]*") if not is_unfinished(each))

    def is_there(self, unit: Path) -> bool:
        """Whether there is something where a unit's folder is to be."""
        return (self.path / "parts" / unit).exists()

    def known_receipt(self, unit: Unit) -> dict[str, Any] | None:
        """The same; None where it is not there or damaged (which the next run sees to)."""
        try:
            return self.unit_receipt(unit)
        except (DamagedError, OSError):
            return None

    def unit_file(self, unit: Unit, name: str) -> Path:
        """A file of a unit."""
        return self.path / "parts" / unit.path / name


def _if_there(path: Path, kind: type[BaseModel]) -> dict[str, Any] | None:
    try:
        return read_checked(path, kind)
    except FileNotFoundError:
        return None


def _with_receipt(files: Mapping[str, bytes], receipt: Mapping[str, Any]) -> dict[str, bytes]:
    """The files of a folder with a receipt, which holds their checksums and one of its own."""
    sums = {name: checksum(content) for name, content in files.items()}
    return {**files, _RECEIPT: signed({**receipt, "files": sums}).encode()}


def _is_whole(folder: Path, kind: type[BaseModel]) -> bool:
    try:
        sums = read_checked(folder / _RECEIPT, kind)["files"]
        return all(checksum((folder / name).read_bytes()) == expected for name, expected in sums.items())
    except (DamagedError, OSError):
        return False
