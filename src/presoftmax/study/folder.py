"""A study's folder: its config, the chosen images, one folder for each finished unit, each whole or not there.

::

    study.json                  the config as resolved, versions
    variants.json               how each network is run, settled once
    selection/00000.*           what came of the first candidates: images that all models get right, `natural` rows
    selection.json              which images were chosen, once they are
    parts/ATTACK/SOURCE/00000/  a unit: steps.parquet, transfers.parquet, ..., receipt.json with their checksums

A unit's folder is written under another name and renamed when whole, so a crash at any moment leaves it or does not.
"""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import polars as pl
from filelock import FileLock, Timeout

from presoftmax.errors import RunError, StudyError
from presoftmax.storage import replace_text, versions
from presoftmax.study.config import StudyConfig
from presoftmax.study.units import Unit

__all__ = ["StudyFolder"]

_CONFIG = "study.json"
_VARIANTS = "variants.json"
_SELECTION = "selection.json"
_RECEIPT = "receipt.json"


@dataclass(frozen=True)
class StudyFolder:
    """How the files of a study are read and written."""

    path: Path

    @classmethod
    def start(cls, path: Path, config: StudyConfig) -> "StudyFolder":
        """Make the folder of a study, or take the one that is there if it is of the same study.

        Raises:
            StudyError: there is a folder of another study (the settings that differ are named), or of something else.
            RunError: it cannot be made.
        """
        folder = cls(path)
        if (path / _CONFIG).is_file():
            different = config.differences(folder.config())
            if different:
                more = f" (and {len(different) - 1} more)" if len(different) > 1 else ""
                raise StudyError(f"{path} holds another study: {different[0]}{more}; give another folder with --out")
            return folder
        if path.exists() and any(path.iterdir()):
            raise StudyError(f"{path}: exists and holds no study; give another folder with --out")
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(f"{path}: cannot be made ({error.strerror})") from error
        content = {"kind": "presoftmax study", "config": config.values(), "versions": versions()}
        replace_text(path / _CONFIG, json.dumps(content, indent=1) + "\n")
        return folder

    @classmethod
    def open(cls, path: Path) -> "StudyFolder":
        """The folder of a study; raises `StudyError` if it is none."""
        if not (path / _CONFIG).is_file():
            raise StudyError(f"{path}: not the folder of a study (no {_CONFIG})")
        return cls(path)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for one process; raises `StudyError` where another one has it."""
        lock = FileLock(self.path / ".lock", timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise StudyError(f"{self.path}: another run is working on it") from None
        try:
            self._remove_unfinished()
            yield
        finally:
            lock.release()

    def config(self) -> StudyConfig:
        """The study's config; raises `StudyError` where the file was damaged."""
        try:
            return StudyConfig.model_validate(self.about()["config"])
        except (ValueError, KeyError) as error:
            raise StudyError(f"{self.path / _CONFIG}: not a study ({error})") from error

    def about(self) -> dict[str, Any]:
        """What ``study.json`` says: config and versions."""
        content: dict[str, Any] = json.loads((self.path / _CONFIG).read_text(encoding="utf-8"))
        return content

    # The selection.

    def chunk_is_whole(self, number: int) -> bool:
        """Whether what came of the candidates of that number is there, and as it was written."""
        return _is_whole(self._chunk(number))

    def write_chunk(self, number: int, files: Mapping[str, bytes], receipt: Mapping[str, Any]) -> None:
        """Write what came of a chunk of candidates."""
        _write_whole(self._chunk(number), files, receipt)

    def chunk_receipt(self, number: int) -> dict[str, Any]:
        """What is known of a chunk besides its files."""
        return _receipt(self._chunk(number))

    def chunk_file(self, number: int, name: str) -> Path:
        """A file of a chunk."""
        return self._chunk(number) / name

    def forget_chunks(self) -> None:
        """Remove what came of all candidates."""
        shutil.rmtree(self.path / "selection", ignore_errors=True)

    def write_selection(self, content: Mapping[str, Any]) -> None:
        """Write down which images were chosen."""
        replace_text(self.path / _SELECTION, json.dumps(content, indent=1) + "\n")

    def selection(self) -> dict[str, Any] | None:
        """Which images were chosen; None as long as they are not."""
        try:
            content: dict[str, Any] = json.loads((self.path / _SELECTION).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return content

    def write_variants(self, content: Mapping[str, Any]) -> None:
        """Write down how networks are run, so that all workers, and those of another day, do the same."""
        replace_text(self.path / _VARIANTS, json.dumps(content, indent=1) + "\n")

    def variants(self) -> dict[str, Any] | None:
        """How networks are run; None as long as that is not settled."""
        try:
            content: dict[str, Any] = json.loads((self.path / _VARIANTS).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return content

    def natural(self) -> pl.DataFrame:
        """The `natural` table of all candidates that were looked at."""
        chosen = self.selection()
        if chosen is None:
            raise StudyError(f"{self.path}: no images have been chosen yet")
        return pl.concat(
            [pl.read_parquet(self.chunk_file(number, "natural.parquet")) for number in range(chosen["chunks"])]
        )

    def _chunk(self, number: int) -> Path:
        return self.path / "selection" / f"{number:05d}"

    # The units.

    def is_done(self, unit: Unit, check: bool = True) -> bool:
        """Whether a unit is there; with ``check``, whether its files are as they were written."""
        target = self.path / "parts" / unit.path
        return _is_whole(target) if check else (target / _RECEIPT).is_file()

    def write_unit(self, unit: Unit, files: Mapping[str, bytes], receipt: Mapping[str, Any]) -> None:
        """Write a finished unit; one that was there and damaged is replaced.

        Raises:
            RunError: it cannot be written (a full disk); nothing of it is left.
        """
        _write_whole(self.path / "parts" / unit.path, files, receipt)

    def unit_receipt(self, unit: Unit) -> dict[str, Any]:
        """What a unit's receipt says: seconds, passes, device, batch size."""
        return _receipt(self.path / "parts" / unit.path)

    def unit_file(self, unit: Unit, name: str) -> Path:
        """A file of a unit."""
        return self.path / "parts" / unit.path / name

    def _remove_unfinished(self) -> None:
        for left in [*self.path.glob("parts/*/*/.*.partial"), *self.path.glob("selection/.*.partial")]:
            shutil.rmtree(left, ignore_errors=True)


def _write_whole(target: Path, files: Mapping[str, bytes], receipt: Mapping[str, Any]) -> None:
    unfinished = target.with_name(f".{target.name}.partial")
    try:
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        for name, content in files.items():
            _write_synced(unfinished / name, content)
        sums = {name: _checksum(content) for name, content in files.items()}
        _write_synced(unfinished / _RECEIPT, _signed({**receipt, "files": sums}))
        if target.exists():
            shutil.rmtree(target)
        unfinished.rename(target)
    except OSError as error:
        raise RunError(f"{target}: cannot be written ({error.strerror or error})") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _signed(receipt: dict[str, Any]) -> bytes:
    """A receipt as JSON, with a checksum of its own."""
    checksum = _checksum(json.dumps(receipt, sort_keys=True).encode())
    return (json.dumps({**receipt, "receipt": checksum}, indent=1) + "\n").encode()


def _receipt(target: Path) -> dict[str, Any]:
    """A receipt; raises ``ValueError`` where it is not as it was written."""
    content: dict[str, Any] = json.loads((target / _RECEIPT).read_text(encoding="utf-8"))
    if content.pop("receipt", None) != _checksum(json.dumps(content, sort_keys=True).encode()):
        raise ValueError(f"{target / _RECEIPT}: damaged")
    return content


def _is_whole(target: Path) -> bool:
    with suppress(OSError, ValueError, KeyError, AttributeError, TypeError):
        sums = _receipt(target)["files"]
        return all(_checksum((target / name).read_bytes()) == checksum for name, checksum in sums.items())
    return False


def _checksum(content: bytes) -> str:
    return blake2b(content, digest_size=16).hexdigest()
