"""What can be seen of a study's files without reading all of them."""

import json
from pathlib import Path
from typing import BinaryIO

from presoftmax.storage import checksum

__all__ = ["is_as_written", "looks_whole"]

_PARQUET = b"PAR1"


def is_as_written(path: Path, expected: str) -> bool:
    """Whether a file has this checksum."""
    try:
        return checksum(path.read_bytes()) == expected
    except OSError:
        return False


def looks_whole(path: Path) -> bool:
    """Whether a table or a file of images is there and has the length that it says: it is not read.

    A flipped byte in the middle of it is found by its checksum, when a run or a report looks at it.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            return _is_table(file, size) if path.suffix == ".parquet" else _is_arrays(file, size)
    except (OSError, ValueError, RecursionError, AttributeError, KeyError, TypeError, IndexError):
        return False


def _is_table(file: BinaryIO, size: int) -> bool:
    """Parquet: its magic at both ends, and before the second one how long the footer is."""
    head = file.read(4)
    file.seek(-8, 2)
    footer, tail = file.read(4), file.read(4)
    return head == tail == _PARQUET and int.from_bytes(footer, "little") + 12 <= size


def _is_arrays(file: BinaryIO, size: int) -> bool:
    """safetensors: the length of a header, the header, which says where each array ends."""
    length = int.from_bytes(file.read(8), "little")
    if length > size - 8:
        return False
    header = json.loads(file.read(length))
    end = max(entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__")
    return bool(size == 8 + length + end)
