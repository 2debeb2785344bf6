"""Files that appear whole or not at all."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from presoftmax.errors import RunError

__all__ = ["replace_file", "replace_text"]


def replace_file(path: Path, write: Callable[[Path], Any]) -> None:
    """Write a file under a temporary name and rename it when whole; whatever goes wrong, no part of it stays.

    Raises:
        RunError: the file cannot be written (a full disk, a folder without permission).
    """
    unfinished = path.with_name(f".{path.name}.partial")
    try:
        write(unfinished)
        unfinished.replace(path)
    except OSError as error:
        raise RunError(f"{path}: cannot be written ({error.strerror or error})") from error
    finally:
        unfinished.unlink(missing_ok=True)


def replace_text(path: Path, text: str) -> None:
    """Write a text file, UTF-8, likewise."""
    replace_file(path, partial(_write_text, text))


def _write_text(text: str, target: Path) -> None:
    target.write_text(text, encoding="utf-8")
