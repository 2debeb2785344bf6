"""The folder of an evaluation: what takes long is kept piece by piece, and gone on with after an interruption."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from presoftmax.data import as_path
from presoftmax.errors import RunError
from presoftmax.storage import DamagedError, RunFolder, make_folder, read_record, read_table, replace_file, write_record

__all__ = ["EvaluationFolder"]

_PLAN, _PIECES, _SUMMARY = "evaluation.json", "pieces", "run.json"


class EvaluationFolder:
    """A run folder with pieces of tables in it, until it is finished.

    Attributes:
        run: the folder itself.
    """

    def __init__(self, run: RunFolder) -> None:
        self.run = run

    @classmethod
    @contextmanager
    def begun(cls, path: str | Path | None, kind: str, plan: dict[str, Any]) -> Iterator["EvaluationFolder"]:
        """A new folder, or an unfinished one of the same plan; whatever goes wrong, finished pieces stay.

        Args:
            path: where; None: ``presoftmax-runs/KIND-DATE-TIME``.
            kind: what ``KIND`` is.
            plan: plain values on which the pieces depend.

        Raises:
            RunError: there is something else, or an evaluation that is finished or of another plan.
        """
        at = None if path is None else as_path(path, "a run's folder")
        if at is not None and (at / _PLAN).is_file():
            folder = cls(_going_on(at, plan))
        else:
            folder = cls(RunFolder.create(at, kind))
            write_record(folder.run.path / _PLAN, {"plan": plan})
        try:
            yield folder
        except BaseException:
            if not any((folder.run.path / _PIECES).glob("*.parquet")):
                folder.run.remove()
            raise

    def piece(self, name: str, make: Callable[[], pl.DataFrame]) -> pl.DataFrame:
        """A table that is there already, or is made and kept."""
        path = self.run.path / _PIECES / f"{name}.parquet"
        if path.is_file():
            try:
                return read_table(path)
            except DamagedError:
                pass  # made again
        frame = make()
        make_folder(path.parent)
        replace_file(path, partial(_write, frame))
        return frame

    def finish(self) -> None:
        """Take the pieces away, once the whole tables are written."""
        pieces = self.run.path / _PIECES
        for path in pieces.glob("*.parquet"):
            path.unlink()
        pieces.rmdir()


def _going_on(path: Path, plan: dict[str, Any]) -> RunFolder:
    if (path / _SUMMARY).is_file():
        raise RunError(f"{path}: exists already, and is finished; give another folder with --out")
    try:
        known = read_record(path / _PLAN)
    except DamagedError as error:
        raise RunError(f"{error}; give another folder with --out") from error
    if known != {"plan": plan}:
        raise RunError(f"{path}: holds an unfinished evaluation with other settings; give another folder with --out")
    return RunFolder(path)


def _write(frame: pl.DataFrame, target: Path) -> None:
    frame.write_parquet(target)
