"""Which variant of a network was the fastest here, remembered in the user's cache folder.

What is remembered saves the trying and timing of all variants, and nothing else: the one that was chosen is compared
with the network again before it is used. Whatever time or numbers could depend on is part of the key. A file that is
damaged, or cannot be read or written, is as none.
"""

import os
import platform
from collections.abc import Iterable, Mapping
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

import torch
from platformdirs import user_cache_path
from torch import Tensor

from presoftmax._version import __version__
from presoftmax.choices import Precision
from presoftmax.errors import RunError
from presoftmax.models.classifier import Classifier
from presoftmax.models.variants import ModelVariant
from presoftmax.storage import DamagedError, read_record, write_record

__all__ = ["NO_CACHE", "key_of", "recall", "remember"]

NO_CACHE = "PRESOFTMAX_NO_CACHE"
"""An environment variable: set to anything, nothing is remembered, nor recalled."""

_LEAST_PARAMETERS = 100_000
"""A network below is tried faster than its weights are read."""


def key_of(
    model: Classifier, images: Tensor, precision: Precision, gradient: bool, variants: Iterable[ModelVariant]
) -> str | None:
    """A digest of the network, its weights, the machine, the versions and what is asked; None where none is wanted."""
    if os.environ.get(NO_CACHE):
        return None
    where = (__version__, torch.__version__, torch.__config__.show(), platform.node(), platform.machine())
    what = (_device(model.device), torch.get_num_threads(), precision, gradient, tuple(images.shape))
    try:
        if sum(each.numel() for each in model.network.parameters()) < _LEAST_PARAMETERS:
            return None
        return _digest((*where, *what, *variants, model.variant, model.network), model.network.state_dict())
    except Exception:  # of anybody's network
        return None


def _digest(parts: Iterable[object], weights: Mapping[str, Tensor]) -> str:
    digest = blake2b(digest_size=16)
    for part in parts:
        digest.update(f"{part}\0".encode())
    for name, values in weights.items():
        digest.update(f"{name} {values.dtype} {tuple(values.shape)}\0".encode())
        digest.update(values.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def recall(key: str | None) -> ModelVariant | None:
    """The variant that is known under a key."""
    if key is None:
        return None
    try:
        return ModelVariant.parse(read_record(_file(key))["variant"])
    except (DamagedError, OSError, KeyError, TypeError, AttributeError):
        return None


def remember(key: str | None, variant: ModelVariant) -> None:
    """Write down which it was."""
    if key is not None:
        with suppress(RunError, OSError):
            write_record(_file(key), {"variant": str(variant)})


def _file(key: str) -> Path:
    return user_cache_path("presoftmax") / "variants" / f"{key}.json"


def _device(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"{device.type} {platform.processor()}"
