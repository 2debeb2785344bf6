"""A file that torch has saved, read without running any code in it."""

import warnings
from pathlib import Path
from typing import Any

import torch

from presoftmax.data.paths import as_path

__all__ = ["load_tensors"]


def load_tensors(path: str | Path) -> Any:
    """What torch saved, on the CPU, if it is made of tensors and plain containers; raises whatever torch raises."""
    path = as_path(path, "a file of torch")
    with warnings.catch_warnings():
        # Of the pickle's protocol; if that matters, it cannot be read, and the error says so.
        warnings.simplefilter("ignore")
        # Of an open file the content is asked; of a name the ending, by newer versions of torch.
        with path.open("rb") as file:
            return torch.load(file, map_location="cpu", weights_only=True)
