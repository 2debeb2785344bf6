"""NumPy's files, ``.npy`` and ``.npz``: what they say they hold is checked before any of it is read."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from zipfile import ZipFile, ZipInfo

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from presoftmax.data._stored import GIB, Found, Stored, gib, refuse_size
from presoftmax.errors import DataError

__all__ = ["of_npy", "of_npz", "refuse_bomb"]

_NUMBERS = "biuf"
_MOST_PACKED = 100
"""How many times larger than the file its content may be, from a GiB on: images hardly pack, empty ones do."""
_IMAGE_AXES = 3


def refuse_bomb(path: Path, members: list[ZipInfo]) -> None:
    """Raise `DataError` for an archive that unpacks to more than images would, or than fits into memory."""
    unpacked, packed = sum(member.file_size for member in members), path.stat().st_size
    if unpacked > GIB and unpacked > _MOST_PACKED * packed:
        raise DataError(f"{path}: a zip bomb? Its {packed:,} bytes unpack to {gib(unpacked)}; images do not pack so")
    refuse_size(path, "the archive", unpacked)


def of_npy(path: Path) -> Found:
    """The one array of an ``.npy``."""
    with path.open("rb") as file:
        shape, kind = _header(file)
        left = path.stat().st_size - file.tell()
    if kind.kind not in _NUMBERS:
        raise _unreadable(path, "the array", _unusable(kind))
    _check_claim(path, "the array", shape, kind, left)
    return Found({"images": Stored("images", shape, lambda: _from_numpy(np.load(path, allow_pickle=False)))})


def of_npz(path: Path, members: list[ZipInfo]) -> Found:
    """The arrays of an ``.npz``."""
    found: dict[str, Stored] = {}
    other: dict[str, np.dtype[Any] | None] = {}
    with ZipFile(path) as archive:
        for member in members:
            name = member.filename.removesuffix(".npy")
            if name == member.filename:
                other[name] = None
                continue
            with archive.open(member) as file:
                shape, kind = _header(file)
                left = member.file_size - file.tell()
            if kind.kind not in _NUMBERS:
                other[name] = kind
                continue
            _check_claim(path, name, shape, kind, left)
            found[name] = Stored(name, shape, _Member(path, member.filename))
    objects = [name for name, kind in other.items() if kind is not None and kind.hasobject]
    if objects and not any(len(each.shape) >= _IMAGE_AXES for each in found.values()):
        raise _unreadable(path, objects[0], _unusable(np.dtype(object)))
    return Found(found, tuple(name if kind is None else f"{name} ({_unusable(kind)})" for name, kind in other.items()))


@dataclass(frozen=True)
class _Member:
    """Reads an array of an ``.npz``."""

    path: Path
    member: str

    def __call__(self) -> Tensor:
        with ZipFile(self.path) as archive, archive.open(self.member) as file:
            return _from_numpy(np.lib.format.read_array(file, allow_pickle=False))


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"an array in the format {version}, not of numbers")
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, kind = read(file)
    return tuple(shape), kind


def _check_claim(path: Path, name: str, shape: tuple[int, ...], kind: np.dtype[Any], left: int) -> None:
    claimed = math.prod(shape) * kind.itemsize
    if claimed > left or min(shape, default=0) < 0:
        words = f"says it is {kind} {shape}, {claimed:,} bytes, but {left:,} are there: cut off, or damaged"
        raise _unreadable(path, name, words)
    refuse_size(path, name, claimed)


def _unreadable(path: Path, name: str, words: str) -> DataError:
    return DataError(f"{path}: not a readable file of arrays ({name}: {words})")


def _unusable(kind: np.dtype[Any]) -> str:
    if kind.hasobject:
        return "Python objects, a pickle, which is never opened; save one array of numbers: np.stack(images)"
    return f"{kind}, not numbers"


def _from_numpy(values: npt.NDArray[Any]) -> Tensor:
    values = values.astype(values.dtype.newbyteorder("="), copy=False)
    if values.dtype.kind == "f" and values.dtype.itemsize > np.dtype(np.float64).itemsize:
        values = values.astype(np.float64)
    return torch.from_numpy(np.ascontiguousarray(values).reshape(values.shape))
