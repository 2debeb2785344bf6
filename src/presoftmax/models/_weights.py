"""Weights from a local file into a network; never a pickle."""

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from presoftmax.errors import ModelError, first_line

__all__ = ["load_weights", "read_state_dict"]


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """State dict of a ``.safetensors`` file, or of a torch file read with ``weights_only=True``.

    A dict around it (``state_dict``, ``model``) and the prefix ``module.`` of data-parallel training are taken off.

    Raises:
        ModelError: the file is missing, is not such a file, or holds more than tensors.
    """
    if not path.is_file():
        raise ModelError(f"{path}: no such weights file")
    try:
        content: Any = load_file(path) if path.suffix == ".safetensors" else torch.load(path, "cpu", weights_only=True)
    except (SafetensorError, RuntimeError, ValueError, EOFError, OSError) as error:
        raise ModelError(f"{path}: not a weights file ({first_line(error)})") from error
    except Exception as error:  # the unpickler of torch raises its own kinds for what it will not run
        raise ModelError(f"{path}: refused, it holds more than tensors ({first_line(error)})") from error
    for key in ("state_dict", "model"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise ModelError(f"{path}: holds no state dict of tensors")
    return {key.removeprefix("module."): value for key, value in content.items()}


def load_weights(network: nn.Module, path: Path, name: str) -> None:
    """Load a local file strictly into a network.

    Raises:
        ModelError: as `read_state_dict`, or the names or shapes do not fit.
    """
    try:
        network.load_state_dict(read_state_dict(path))
    except RuntimeError as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise ModelError(f"{path}: not the weights of {name} ({' '.join(lines[1:2])[:160]})") from error
