"""Images of somebody else's making, in one file: ``.npz``, ``.npy``, ``.pt``, ``.safetensors``. Never a pickle."""

import re
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

ARRAY_FILES = (".npz", ".npy", ".pt", ".pth", ".safetensors")
# Parts of names that say which images an array holds; a name without any of them says nothing.
_ADVERSARIAL = re.compile(r"adv|perturbed", re.IGNORECASE)
_CLEAN = re.compile(r"clean|orig|natural|benign|nat$|unperturbed", re.IGNORECASE)
_GENERAL = ("images", "inputs", "x", "data", "arr_0")
_LABELS = ("labels", "label", "y", "y_true", "true_labels", "arr_1")


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

    The images are found by name: ``adv_inputs`` (torchattacks' ``save``), ``adversarial``, ``x_adv``, ... are the
    adversarial ones, ``clean_inputs``, ``original``, ... the clean ones. A general name (``images``, ``x``) stands for
    the adversarial ones where nothing in the file is better called so, else for the clean ones. Or the file is a
    single array. Channels may come last. Floats must be in [0, 1].

    Raises:
        DataError: not such a file, a pickle that holds code, no images in it or several arrays that could be them, or
            images of another form.
    """
    content = _content(path)
    tensors = {name: value for name, value in content.items() if isinstance(value, Tensor)}
    images, clean = _by_name(path, tensors, content)
    labels = next((tensors[name] for name in _LABELS if name in tensors), None)
    for name, values in (("labels", labels), ("clean images", clean)):
        if values is not None and (values.ndim == 0 or images.ndim == 0 or len(values) != len(images)):
            raise DataError(f"{path}: {_count(images)} images but {_count(values)} {name}")
    return Arrays(
        _as_images(path, images),
        None if labels is None else _as_labels(path, labels),
        None if clean is None else _as_images(path, clean),
    )


def _by_name(path: Path, tensors: Mapping[str, Tensor], content: Mapping[str, Any]) -> tuple[Tensor, Tensor | None]:
    """The images and the clean ones; each name is asked what it says, and two that say the same are refused."""
    pictures = [name for name, value in tensors.items() if value.ndim == 4] or list(tensors)
    kinds: dict[str, list[str]] = {"clean": [], "adversarial": [], "general": []}
    for name in pictures:
        if _CLEAN.search(name):
            kinds["clean"].append(name)
        elif _ADVERSARIAL.search(name):
            kinds["adversarial"].append(name)
        elif name in _GENERAL:
            kinds["general"].append(name)
    for kind, names in kinds.items():
        if len(names) > 1:
            what = "the images" if kind == "general" else f"the {kind} images"
            raise DataError(f"{path}: {' and '.join(names)} could each be {what}; save one of them")
    adversarial, clean, general = (next(iter(kinds[kind]), None) for kind in ("adversarial", "clean", "general"))
    if adversarial is not None and clean is not None and general is not None:
        raise DataError(f"{path}: {general} beside {adversarial} and {clean}: which images are those? Save two arrays")
    chosen, other = (adversarial, clean or general) if adversarial is not None else (general, clean)
    if chosen is None:
        raise DataError(
            f"{path}: no images; expected an array called adversarial, adv, x_adv, adv_inputs, images, x or the like, "
            f"found {', '.join(content) or 'nothing'}"
        )
    return tensors[chosen], None if other is None else tensors[other]


def _content(path: Path) -> Mapping[str, Any]:
    try:
        if path.suffix in (".npz", ".npy"):
            return _of_numpy(path)
        if path.suffix == ".safetensors":
            return load_file(path)
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from error
    except (BadZipFile, ValueError, TypeError, SafetensorError, RuntimeError, EOFError) as error:
        raise DataError(f"{path}: not a readable file of arrays ({first_line(error)})") from error
    except Exception as error:  # torch.load raises pickle's error of the day for what it will not unpickle
        raise DataError(f"{path}: refused; it holds more than tensors ({type(error).__name__})") from error
    if isinstance(loaded, list | tuple):
        if len(loaded) != 1:
            raise DataError(
                f"{path}: {len(loaded)} tensors (one for each epsilon, as foolbox gives?); save one of them"
            )
        loaded = loaded[0]
    return loaded if isinstance(loaded, dict) else {"images": loaded}


def _of_numpy(path: Path) -> dict[str, Tensor]:
    """An archive of arrays, or one array, whatever the ending says."""
    loaded = np.load(path, allow_pickle=False)
    if isinstance(loaded, np.ndarray):
        return {"images": torch.from_numpy(loaded)}
    with loaded as archive:
        return {name: torch.from_numpy(archive[name]) for name in archive.files}


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
