"""Files and folders that appear whole or not at all, whatever stops the machine: one policy for all that is written.

Written under another name (``.NAME.partial``), flushed to the disk, renamed, and the folder flushed, so that after a
power failure there is the old one or the new one. What a killed process leaves half-written is known by its name.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any

from presoftmax.errors import RunError
from presoftmax.storage import _disk

__all__ = [
    "DamagedError",
    "checksum",
    "is_unfinished",
    "make_folder",
    "read_record",
    "remove_unfinished",
    "replace_file",
    "replace_folder",
    "replace_text",
    "signed",
    "write_record",
]

_SUFFIX = ".partial"
_CHECKSUM = "checksum"


class DamagedError(RunError):
    """A file that is not as it was written."""


def replace_file(path: Path, write: Callable[[Path], Any]) -> None:
    """Write a file under a temporary name and rename it when whole; whatever goes wrong, no part of it stays.

    Args:
        path: the file; new parents are made.
        write: writes the file that it is given.

    Raises:
        RunError: the file cannot be written (a full disk, a folder without permission).
    """
    with _appearing(path, _disk.remove_file) as unfinished:
        write(unfinished)
        _disk.sync(unfinished)


def replace_text(path: Path, text: str) -> None:
    """Write a text file, UTF-8, likewise."""
    replace_file(path, lambda target: _disk.write(target, text.encode("utf-8")))


def replace_folder(path: Path, files: Mapping[str, bytes]) -> None:
    """Write a folder of files; one that was there is replaced.

    Raises:
        RunError: it cannot be written; nothing of it is left.
    """
    with _appearing(path, _disk.remove_folder) as unfinished:
        _disk.remove_folder(unfinished)
        _disk.mkdir(unfinished)
        for name, content in files.items():
            _disk.write(unfinished / name, content)
            _disk.sync(unfinished / name)
        _disk.sync(unfinished)
        _disk.remove_folder(path)


@contextmanager
def _appearing(path: Path, remove: Callable[[Path], Any]) -> Iterator[Path]:
    """The temporary name of something that is written inside the block, and then renamed; no part of it stays."""
    unfinished = path.with_name(f".{path.name}{_SUFFIX}")
    try:
        make_folder(path.parent)
        yield unfinished
        _disk.rename(unfinished, path)
        _disk.sync(path.parent)
    except OSError as error:
        raise RunError(f"{path}: cannot be written ({error.strerror or error})") from error
    finally:
        with suppress(OSError):  # of a disk that is gone nothing can be taken away, and the next run does
            remove(unfinished)


def make_folder(path: Path) -> None:
    """Make a folder with its parents, each flushed into its own; nothing where it is there.

    Raises:
        OSError: it cannot be made.
    """
    if path.is_dir():
        return
    make_folder(path.parent)
    with suppress(FileExistsError):  # by another process, meanwhile
        _disk.mkdir(path)
    _disk.sync(path.parent)


def is_unfinished(path: Path) -> bool:
    """Whether a file or a folder was left by a process that was killed while it wrote it."""
    return path.name.startswith(".") and path.name.endswith(_SUFFIX)


def remove_unfinished(folder: Path) -> None:
    """Take away whatever killed processes have left half-written in a folder, or below it."""
    for path in [each for each in folder.rglob(f".*{_SUFFIX}") if is_unfinished(each)]:
        with suppress(OSError):
            if path.is_dir():
                _disk.remove_folder(path)
            else:
                _disk.remove_file(path)


def write_record(path: Path, content: Mapping[str, Any]) -> None:
    """Write plain values as JSON, with a checksum of their own."""
    replace_text(path, signed(content))


def signed(content: Mapping[str, Any]) -> str:
    """Plain values as JSON, with a checksum of their own."""
    return json.dumps({**content, _CHECKSUM: _checksum_of(content)}, indent=1) + "\n"


def read_record(path: Path) -> dict[str, Any]:
    """What `write_record` wrote.

    Raises:
        DamagedError: it is not as it was written.
        FileNotFoundError: there is no such file.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        whole = isinstance(content, dict) and content.pop(_CHECKSUM, None) == _checksum_of(content)
    except FileNotFoundError:
        raise
    except (OSError, ValueError, RecursionError) as error:
        raise DamagedError(f"{path}: damaged, it cannot be read") from error
    if not whole:
        raise DamagedError(f"{path}: damaged, it is not as it was written")
    found: dict[str, Any] = content
    return found


def checksum(content: bytes) -> str:
    """Of the bytes of a file."""
    return blake2b(content, digest_size=16).hexdigest()


def _checksum_of(content: Mapping[str, Any]) -> str:
    return checksum(json.dumps(content, sort_keys=True).encode())
