"""The state dicts in a file of weights, wherever trainers put them; never a pickle."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from zipfile import is_zipfile

from safetensors.torch import load_file
from torch import Tensor

from presoftmax.data import describe_content, load_tensors
from presoftmax.errors import ModelError, first_line

__all__ = ["read_state_dicts"]

_DEPTH = 4
_GLOBAL = re.compile(r"GLOBAL ([\w.]+)")


def read_state_dicts(path: Path) -> dict[str, dict[str, Tensor]]:
    """The state dicts of a ``.safetensors`` file, or of a torch file read with ``weights_only=True``.

    Each by where it is in the file: ``""``, ``"state_dict"``, ``"checkpoint.model"``.

    Raises:
        ModelError: the file is missing, is not such a file, holds more than tensors, or no state dict.
    """
    if not path.is_file():
        raise ModelError(f"{path}: {'a folder, not a' if path.is_dir() else 'no such'} weights file")
    content = _content(path)
    found = dict(_state_dicts("", content, 0))
    if not found:
        names = ", ".join(map(str, content)) if isinstance(content, Mapping) else ""
        held = f"a dict of {names or 'nothing'}" if isinstance(content, Mapping) else type(content).__name__
        raise ModelError(
            f"{path}: holds no state dict of tensors but {held[:160]}; save one: torch.save(model.state_dict(), FILE)"
        )
    return found


def _content(path: Path) -> Any:
    try:
        return load_file(path) if _is_safetensors(path) else load_tensors(path)
    except Exception as error:  # pickle, zip, torch and safetensors have many kinds of their own
        raise ModelError(f"{path}: {_why(path, error)}") from error


def _is_safetensors(path: Path) -> bool:
    """By its content, where that tells; else by its ending."""
    with path.open("rb") as file:
        head = file.read(9)
    if head.startswith((b"PK", b"\x80")):
        return False
    return path.suffix.lower() == ".safetensors" or head[8:9] == b"{"


def _why(path: Path, error: Exception) -> str:
    what = describe_content(path)
    if what is not None and "archive (" not in what and what != "a pickle":
        return f"not a weights file: it is {what}"
    if what is not None and "archive (" in what and not is_zipfile(path):
        return "not a weights file: a zip archive without its end, cut off, or damaged"
    if isinstance(error, MemoryError):
        return "there is not enough memory to read it"
    if "TorchScript" in str(error):
        return "a TorchScript program, not weights; save those: torch.save(torch.jit.load(FILE).state_dict(), NEW)"
    if (found := _GLOBAL.search(str(error))) is not None:
        return (
            f"refused, it holds more than tensors ({found[1]}: a whole model, or settings, pickled), which could run "
            "code; save the weights alone: torch.save(model.state_dict(), FILE)"
        )
    if "weights_only" in str(error) or "Weights only" in str(error):
        return f"refused, it holds more than tensors, or is damaged ({type(error).__name__})"
    return f"not a weights file ({first_line(error)})"


def _state_dicts(where: str, content: Any, depth: int) -> Iterator[tuple[str, dict[str, Tensor]]]:
    if not isinstance(content, Mapping) or not content or depth > _DEPTH:
        return
    if all(isinstance(key, str) and isinstance(value, Tensor) for key, value in content.items()):
        yield where, dict(content)
        return
    for key, value in content.items():
        if isinstance(key, str):
            yield from _state_dicts(f"{where}.{key}" if where else key, value, depth + 1)
