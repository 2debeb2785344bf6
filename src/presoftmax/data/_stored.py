"""An array of a file that is not read yet, and how large it may be."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from presoftmax.data.content import describe_content
from presoftmax.errors import DataError

__all__ = ["GIB", "Found", "Stored", "gib", "instead", "refuse_size"]

GIB = 2**30


@dataclass(frozen=True)
class Stored:
    """An array of a file, not read yet.

    Attributes:
        name: of the array; ``adv[0]`` is the first of a list.
        shape: what the file says.
        read: gives the numbers.
    """

    name: str
    shape: tuple[int, ...]
    read: Callable[[], Tensor]


@dataclass(frozen=True)
class Found:
    """What is in a file: its arrays of numbers by name, and the names of all else."""

    arrays: dict[str, Stored]
    other: tuple[str, ...] = ()


def refuse_size(path: Path, name: str, size: int) -> None:
    """Raise `DataError` for an array that says it is larger than this machine's memory can be."""
    if size > _memory() // 2:
        raise DataError(f"{path}: {name} says it holds {gib(size)}, more than half of this machine's memory")


def instead(path: Path, otherwise: str) -> str:
    """What a file that could not be read is instead; where it begins as it should, what went wrong."""
    what = describe_content(path)
    if what is None or "archive (" in what or "NumPy" in what or what == "a pickle":
        return otherwise
    return f"it is {what}"


def gib(size: int) -> str:
    """Bytes in words."""
    return f"{size / GIB:,.1f} GiB"


def _memory() -> int:
    """Bytes of this machine's memory."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 64 * GIB
