"""The few calls that change a disk, each here, so that a test can make any of them fail."""

import os
import shutil
from pathlib import Path

__all__ = ["mkdir", "remove_file", "remove_folder", "rename", "sync", "write"]


def write(path: Path, content: bytes) -> None:
    """Write a file."""
    path.write_bytes(content)


def sync(path: Path) -> None:
    """Have what was written to a file, or to the list of a folder's entries, reach the disk."""
    if os.name != "posix" and path.is_dir():
        return  # other systems do not open folders
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def rename(old: Path, new: Path) -> None:
    """Give a file or a folder another name; a file of that name is replaced."""
    old.replace(new)


def mkdir(path: Path) -> None:
    """Make one folder."""
    path.mkdir()


def remove_file(path: Path) -> None:
    """Take a file away, if it is there."""
    path.unlink(missing_ok=True)


def remove_folder(path: Path) -> None:
    """Take a folder away with all that is in it, if it is there."""
    if path.exists():
        shutil.rmtree(path)
