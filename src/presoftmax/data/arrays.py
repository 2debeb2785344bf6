"""Images of somebody else's making, in one file: ``.npz``, ``.pt``, ``.safetensors``. Never a pickle."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from presoftmax.errors import DataError, first_line

__all__ = ["ARRAY_FILES", "Arrays", "read_arrays"]

ARRAY_FILES = (".npz", ".pt", ".pth", ".safetensors")
_IMAGES = ("adv_inputs", "adversarial", "adv", "x_adv", "images", "inputs", "x", "arr_0")
_CLEAN = ("clean_inputs", "clean", "originals")
_LABELS = ("labels", "label", "y")


@dataclass(frozen=True)
class Arrays:
    """What a file holds.

    Attributes:
        images: ``(N, 3, H, W)``, uint8, or float32 in [0, 1].
        labels: int64 ``(N,)``; None where the file has none.
        clean: the clean images, as ``images``; None where the file has none.
    """

    images: Tensor
    labels: Tensor | None
    clean: Tensor | None


def read_arrays(path: Path) -> Arrays:
    """Read images from one file.

    The images are found by name: ``adv_inputs`` (torchattacks' ``save``), ``adversarial``, ``adv``, ``images``, ...; or
    the file is a single tensor. Channels may come last. Floats must be in [0, 1].

    Raises:
        DataError: not such a file, a pickle that holds code, no images in it, or images of another form.
    """
    content = _content(path)
    tensors = {name: value for name, value in content.items() if isinstance(value, Tensor)}
    images = next((tensors[name] for name in _IMAGES if name in tensors), None)
    if images is None:
        raise DataError(
            f"{path}: no images; expected one of {', '.join(_IMAGES)}, found {', '.join(content) or 'nothing'}"
        )
    labels = next((tensors[name] for name in _LABELS if name in tensors), None)
    clean = next((tensors[name] for name in _CLEAN if name in tensors), None)
    for name, values in (("labels", labels), ("clean images", clean)):
        if values is not None and (values.ndim == 0 or images.ndim == 0 or len(values) != len(images)):
            raise DataError(f"{path}: {_count(images)} images but {_count(values)} {name}")
    return Arrays(
        _as_images(path, images),
        None if labels is None else _as_labels(path, labels),
        None if clean is None else _as_images(path, clean),
    )


def _content(path: Path) -> Mapping[str, Any]:
    try:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as archive:
                return {name: torch.from_numpy(archive[name]) for name in archive.files}
        if path.suffix == ".safetensors":
            return load_file(path)
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from error
    except (BadZipFile, ValueError, TypeError, SafetensorError, RuntimeError, EOFError) as error:
        raise DataError(f"{path}: not a readable file of arrays ({first_line(error)})") from error
    except Exception as error:  # torch.load raises pickle's error of the day for what it will not unpickle
        raise DataError(f"{path}: refused; it holds more than tensors ({type(error).__name__})") from error
    return loaded if isinstance(loaded, dict) else {"images": loaded}


def _count(values: Tensor) -> int:
    return len(values) if values.ndim else 1


def _as_labels(path: Path, values: Tensor) -> Tensor:
    if values.is_floating_point() or values.dtype == torch.bool or values.ndim != 1:
        kind = str(values.dtype).removeprefix("torch.")
        raise DataError(f"{path}: labels must be integers (N,), got {kind} {tuple(values.shape)}")
    return values.to(torch.int64)


def _as_images(path: Path, values: Tensor) -> Tensor:
    if values.ndim == 4 and values.shape[1] != 3 and values.shape[3] == 3:
        values = values.permute(0, 3, 1, 2)
    if values.ndim != 4 or values.shape[1] != 3:
        raise DataError(f"{path}: images {tuple(values.shape)}; expected (N, 3, H, W) or (N, H, W, 3)")
    if values.dtype == torch.uint8:
        return values.contiguous()
    if not values.is_floating_point():
        raise DataError(f"{path}: images of {values.dtype}; expected uint8, or floats in [0, 1]")
    low, high = (float(each) for each in values.aminmax()) if values.numel() else (0.0, 1.0)
    if not (low >= -1e-4 and high <= 1 + 1e-4):
        hint = "; divide by 255, or store them as uint8" if high > 2 else "; undo the normalization first"
        raise DataError(f"{path}: float images from {low:.3g} to {high:.3g}, expected [0, 1]{hint}")
    return values.float().clamp(0, 1).contiguous()
