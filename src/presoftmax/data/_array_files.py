"""Files of arrays, opened without a pickle. What a file is, its content says, not its name."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from zipfile import BadZipFile, ZipFile, ZipInfo

import torch
from safetensors import safe_open
from torch import Tensor

from presoftmax.data._numpy_files import of_npy, of_npz, refuse_bomb
from presoftmax.data._stored import Found, Stored, instead, refuse_size
from presoftmax.data.content import describe_content
from presoftmax.data.torch_file import load_tensors
from presoftmax.errors import DataError, first_line

__all__ = ["open_arrays", "read_stored"]

_DEPTH = 4


def open_arrays(path: Path) -> Found:
    """What is in a file; its arrays are read when they are asked for.

    Raises:
        DataError: not such a file, a pickle that holds code, or sizes that cannot be.
    """
    try:
        return _open(path)
    except Exception as error:  # zip, NumPy, torch and safetensors have many kinds of their own
        raise _named(path, error) from error


def read_stored(path: Path, stored: Stored) -> Tensor:
    """The numbers of one array; raises `DataError` where the file is damaged."""
    try:
        return stored.read()
    except Exception as error:  # as above
        raise _named(path, error) from error


def _named(path: Path, error: Exception) -> DataError:
    """What went wrong, in a line that names the file."""
    if isinstance(error, DataError):
        return error
    if isinstance(error, MemoryError):
        return DataError(f"{path}: there is not enough memory to read it")
    if isinstance(error, OSError) and error.strerror:
        return DataError(f"{path}: {error.strerror}")
    return DataError(f"{path}: not a readable file of arrays ({instead(path, first_line(error))})")


def _open(path: Path) -> Found:
    with path.open("rb") as file:
        head = file.read(8)
    if head.startswith(b"\x93NUMPY"):
        return of_npy(path)
    if head.startswith(b"PK"):
        members = _members(path)
        if not members:
            raise ValueError("an empty archive")
        refuse_bomb(path, members)
        return of_npz(path, members) if any(each.filename.endswith(".npy") for each in members) else _of_torch(path)
    if path.suffix.lower() == ".safetensors" or (head[2:8] == bytes(6) and any(head)):
        return _of_safetensors(path)
    if path.suffix.lower() in (".npz", ".npy"):
        raise ValueError(f"it is {describe_content(path) or 'neither .npy nor .npz'}, by its content")
    return _of_torch(path)


def _members(path: Path) -> list[ZipInfo]:
    try:
        with ZipFile(path) as archive:
            return archive.infolist()
    except BadZipFile as error:
        raise ValueError("a zip archive without its end: cut off, or damaged") from error


def _of_safetensors(path: Path) -> Found:
    with safe_open(path, "pt") as file:
        shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118

    def stored(name: str) -> Stored:
        def read() -> Tensor:
            with safe_open(path, "pt") as file:
                values: Tensor = file.get_tensor(name)
                return values

        return Stored(name, shapes[name], read)

    return Found({name: stored(name) for name in shapes})


def _of_torch(path: Path) -> Found:
    found: dict[str, Stored] = {}
    other: list[str] = []
    for name, value in _flat("", _load(path), 0):
        tensor = _as_tensor(value)
        if tensor is None:
            other.append(name or type(value).__name__)
            continue
        key = name or "images"
        # A stride of 0 makes a tensor of any size out of one number.
        refuse_size(path, key, tensor.numel() * tensor.element_size())
        found[key] = Stored(key, tuple(tensor.shape), tensor.detach)
    return Found(found, tuple(other))


def _load(path: Path) -> Any:
    try:
        return load_tensors(path)
    except Exception as error:
        what = describe_content(path)
        is_it = what is None or "archive" in what or what == "a pickle"
        if not isinstance(error, UnpicklingError) or not is_it:
            raise
        raise DataError(
            f"{path}: refused; it holds more than tensors ({type(error).__name__}), which could run code; save "
            'tensors: torch.save({"adversarial": images, "labels": labels}, FILE)'
        ) from error


def _as_tensor(value: Any) -> Tensor | None:
    if isinstance(value, list) and value and all(type(each) is int and abs(each) < 2**31 for each in value):
        return torch.tensor(value)
    usable = isinstance(value, Tensor) and value.layout == torch.strided
    return value if usable and not value.is_complex() and not value.is_quantized else None


def _flat(name: str, value: Any, depth: int) -> Iterator[tuple[str, Any]]:
    """What dicts, lists and tuples hold, by names that say where."""
    if depth < _DEPTH and isinstance(value, Mapping):
        for key, each in value.items():
            yield from _flat(f"{name}.{key}" if name else str(key), each, depth + 1)
    elif depth < _DEPTH and isinstance(value, list | tuple) and _as_tensor(value) is None:
        for at, each in enumerate(value):
            yield from _flat(f"{name}[{at}]", each, depth + 1)
    else:
        yield name, value
