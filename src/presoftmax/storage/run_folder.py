"""A run folder: Parquet tables, 8-bit PNGs and a summary. Each file appears whole or not at all."""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import polars as pl
from torch import Tensor

from presoftmax.data import as_path, to_picture
from presoftmax.errors import RunError
from presoftmax.storage.atomic import make_folder, replace_file, replace_text
from presoftmax.storage.tables import flat, read_table
from presoftmax.text import file_name

__all__ = ["RunFolder"]

_SUMMARY = "run.json"


@dataclass(frozen=True)
class RunFolder:
    """The files of a run, and how to read and write them.

    ``steps.parquet`` and ``transfers.parquet`` (columns in `presoftmax.schema`; versions, seed and settings in the
    metadata, under ``presoftmax``), ``images/ATTACK/NUMBER-EXAMPLE/ITERATION.png``, ``run.json``.
    """

    path: Path

    @classmethod
    def create(cls, path: str | Path | None, kind: str = "run") -> "RunFolder":
        """Make the folder, with its parents.

        Before the work whose results it is to hold: of two commands that want the same folder, one is told at once.

        Args:
            path: where; None: ``presoftmax-runs/KIND-DATE-TIME``, with a number behind it where that is taken.
            kind: what ``KIND`` is.

        Raises:
            RunError: it exists already, or cannot be made.
        """
        for candidate in _dated(kind) if path is None else [as_path(path, "a run's folder")]:
            try:
                make_folder(candidate.parent)
                candidate.mkdir()
            except FileExistsError:
                continue
            except OSError as error:
                raise RunError(f"{candidate}: cannot be made ({error.strerror})") from error
            return cls(candidate)
        raise RunError(f"{path}: exists already; give another folder with --out")

    @classmethod
    @contextmanager
    def making(cls, path: str | Path | None, kind: str = "run") -> Iterator["RunFolder"]:
        """A new folder to fill inside the block, made as by `create`; whatever goes wrong there, nothing of it stays.

        Raises:
            RunError: it exists already, or cannot be made.
        """
        folder = cls.create(path, kind)
        try:
            yield folder
        except BaseException:
            folder.remove()
            raise

    def remove(self) -> None:
        """Take the folder away, with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)

    @classmethod
    def open(cls, path: str | Path) -> "RunFolder":
        """A finished run's folder; raises `RunError` if it is none."""
        path = as_path(path, "a run's folder")
        if not (path / _SUMMARY).is_file():
            raise RunError(f"{path}: not the folder of a finished run (no {_SUMMARY})")
        return cls(path)

    def write_tables(self, tables: Mapping[str, pl.DataFrame], settings: dict[str, Any], csv: bool = False) -> None:
        """Write tables by their names, the settings in their metadata; also as CSV, if wanted."""
        metadata = {"presoftmax": json.dumps(settings)}
        for name, frame in tables.items():
            replace_file(self.path / f"{name}.parquet", partial(_write_parquet, frame, metadata))
            if csv:
                replace_text(self.path / f"{name}.csv", flat(frame).write_csv())

    def has_tables(self) -> bool:
        """Whether both tables are there."""
        return all((self.path / f"{name}.parquet").is_file() for name in ("steps", "transfers"))

    def steps(self) -> pl.DataFrame:
        """The `steps` table."""
        return read_table(self.path / "steps.parquet")

    def transfers(self) -> pl.DataFrame:
        """The `transfers` table."""
        return read_table(self.path / "transfers.parquet")

    def write_summary(self, summary: dict[str, Any]) -> None:
        """Write ``run.json``; the last file of a run."""
        text = json.dumps(summary, indent=1) + "\n"
        replace_text(self.path / _SUMMARY, text)

    def summary(self) -> dict[str, Any]:
        """What ``run.json`` says."""
        content: dict[str, Any] = json.loads((self.path / _SUMMARY).read_text(encoding="utf-8"))
        return content

    def image_path(self, attack: str, number: int, example: str, iteration: int) -> Path:
        """Where the image of an example (the ``number``-th of the run) at an iteration is."""
        folder = f"{number:05d}-{file_name(example, unique=False)}"
        return self.path / "images" / file_name(attack) / folder / f"{iteration:05d}.png"

    def write_images(
        self, attack: str, numbers: Sequence[int], examples: Sequence[str], iteration: int, images: Tensor
    ) -> None:
        """Write 8-bit images uint8 ``(N, 3, H, W)`` of one iteration as PNG."""
        for number, example, image in zip(numbers, examples, images, strict=True):
            path = self.image_path(attack, number, example, iteration)
            picture = to_picture(image)
            replace_file(path, partial(picture.save, format="PNG"))


def _dated(kind: str) -> Iterator[Path]:
    """Names for a folder of now, one after the other."""
    first = Path("presoftmax-runs") / f"{kind}-{datetime.now():%Y%m%d-%H%M%S}"
    yield first
    yield from (first.with_name(f"{first.name}-{number}") for number in count(2))


def _write_parquet(frame: pl.DataFrame, metadata: dict[str, str], target: Path) -> None:
    try:
        frame.write_parquet(target, metadata=metadata)
    except pl.exceptions.PolarsError as error:
        # A full disk comes out of polars as a "computation error".
        raise OSError(str(error)) from error
