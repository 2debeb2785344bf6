"""Devices: which one to take, and what goes wrong on them."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from presoftmax.errors import ModelError, first_line

__all__ = ["default_device", "is_out_of_memory", "naming_device"]

_OUT_OF_MEMORY = ("out of memory", "not enough memory", "can't allocate memory", "cannot allocate memory")


@contextmanager
def naming_device(device: str | torch.device) -> Iterator[None]:
    """Turn what torch says of a device that is not there into a `ModelError` that names it."""
    try:
        yield
    except (RuntimeError, AssertionError, TypeError) as error:
        raise ModelError(f"device {str(device)!r} cannot be used here: {first_line(error, 120)}") from error


def default_device() -> str:
    """A GPU if there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that a device's or the machine's memory was too small."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in _OUT_OF_MEMORY)
