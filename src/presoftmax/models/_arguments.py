"""What a model is made of and called with, checked, with words for what was given instead."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from math import isfinite
from os import PathLike
from typing import Any

import torch
from torch import Tensor, nn

from presoftmax.errors import ModelError, first_line

__all__ = ["check_pixels", "class_names", "exits_raised", "per_channel", "takes_gray", "told"]

_CHANNELS = 3


def told(given: Any) -> str:
    """What was given where a model was wanted, and what to do with it, in words."""
    if isinstance(given, str | PathLike):
        return f"the name {str(given)!r}; load it first: load_model({str(given)!r})"
    if isinstance(given, type):
        return f"the class {given.__name__}; make one: {given.__name__}()"
    if isinstance(given, Mapping) and given and all(isinstance(each, Tensor) for each in given.values()):
        return "a state dict; load it into its network: network.load_state_dict(...)"
    return type(given).__name__


def per_channel(what: str, given: Any) -> tuple[float, ...]:
    """Three numbers of three, or of one that stands for all channels; raises `ModelError`."""
    try:
        values = torch.as_tensor(given, dtype=torch.float64).flatten().tolist()
    except (TypeError, ValueError, RuntimeError):
        raise TypeError(f"{what} is three numbers, one per channel, not {given!r}") from None
    values = values * _CHANNELS if len(values) == 1 else values
    if len(values) != _CHANNELS or not all(map(isfinite, values)):
        raise ModelError(f"{what} must be three finite numbers, one per channel, got {tuple(values)}")
    return tuple(values)


def class_names(given: Any) -> tuple[str, ...] | None:
    """Names of the classes; raises `TypeError` where they are no sequence of texts."""
    if given is None:
        return None
    if isinstance(given, str | bytes | Mapping) or not isinstance(given, Iterable):
        raise TypeError(f"classes is a list of names, one per class, not {type(given).__name__}")
    return tuple(str(each) for each in given)


def check_pixels(images: Any) -> None:
    """Raise `TypeError` for what is no tensor of uint8 or floats: whole numbers of another type have no scale."""
    if not isinstance(images, Tensor):
        raise TypeError(f"images are a tensor uint8 or float (N, 3, H, W), not {type(images).__name__}")
    if images.dtype != torch.uint8 and not images.is_floating_point():
        kind = str(images.dtype).removeprefix("torch.")
        raise TypeError(f"images are uint8 (0 to 255) or float (0 to 1), not {kind}: images.to(torch.uint8)")


@contextmanager
def exits_raised() -> Iterator[None]:
    """Turn what would pass by every ``except Exception`` into an error, but for Ctrl-C.

    That is a class of somebody's own, or an exit: with status 0 it would end the program as if all were well.
    """
    try:
        yield
    except (Exception, KeyboardInterrupt):
        raise
    except SystemExit as error:
        raise RuntimeError(f"it called sys.exit({error.code!r})") from error
    except BaseException as error:
        raise RuntimeError(f"{type(error).__name__}: {first_line(error)}") from error


def takes_gray(network: nn.Module, height: int, width: int) -> bool:
    """Whether the first layer with weights is made for images of one channel."""
    first = next((each for each in network.modules() if isinstance(each, nn.Conv2d | nn.Linear)), None)
    if isinstance(first, nn.Conv2d):
        return first.in_channels == 1
    return first is not None and first.in_features == height * width
