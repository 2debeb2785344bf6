"""Where images are said to be, looked at from outside: nothing is read, so no library is needed."""

from os import PathLike, fsencode, fspath
from pathlib import Path
from typing import Any

from presoftmax.errors import DataError

__all__ = ["as_path", "check_location", "sample_set"]


def as_path(value: Any, what: str) -> Path:
    """A path of a text or a path.

    Raises:
        DataError: a text that names nothing on any disk.
        TypeError: anything else.
    """
    text = fspath(value) if isinstance(value, str | PathLike) else None
    if not isinstance(text, str):
        raise TypeError(f"{what}: expected a path, as text or as a Path, got {type(value).__name__}")
    try:
        if not text or b"\0" in fsencode(text):
            raise DataError(f"{what}: {text!r} is no path")
    except UnicodeEncodeError:
        raise DataError(f"{what}: {text!r} is no path") from None
    return Path(text)


def sample_set(place: object) -> str | None:
    """Which samples ``"samples"`` or ``"samples:cifar10"`` stands for; None where it is a path, as ``samples-2`` is."""
    name, _, which = str(place).partition(":")
    return (which or "imagenet") if name == "samples" else None


def check_location(path: str | Path, labels: str | Path | None) -> None:
    """Raise `DataError` where `open_pool` would find nothing, before any model is loaded for it."""
    if sample_set(path) is None and not as_path(path, "a place with images").exists():
        raise DataError(f"{path}: no such folder or file of images")
    if labels is not None and not as_path(labels, "labels").is_file():
        raise DataError(f"{labels}: no such CSV of labels")
