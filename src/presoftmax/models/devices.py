"""What goes wrong on a device, in one line that names it."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from presoftmax.errors import ModelError, first_line

__all__ = ["naming_device"]


@contextmanager
def naming_device(device: str | torch.device) -> Iterator[None]:
    """Turn what torch says of a device that is not there into a `ModelError` that names it."""
    try:
        yield
    except (RuntimeError, AssertionError) as error:
        raise ModelError(f"device {str(device)!r} cannot be used here: {first_line(error, 120)}") from error
