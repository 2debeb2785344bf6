"""Images of somebody else's making, in one file: ``.npz``, ``.npy``, ``.pt``, ``.safetensors``. Never a pickle."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from presoftmax.data._array_files import open_arrays, read_stored
from presoftmax.data._stored import Found, Stored
from presoftmax.data.form import as_images, described
from presoftmax.data.paths import as_path
from presoftmax.errors import DataError
from presoftmax.printing import Printed

__all__ = ["ARRAY_FILES", "Arrays", "is_array_file", "read_arrays"]

ARRAY_FILES = (".npz", ".npy", ".pt", ".pth", ".safetensors")
"""Endings of the files that hold arrays of images."""

# Parts of names that say which images an array holds; a name without any of them says nothing.
_ADVERSARIAL = re.compile(r"adv|perturbed", re.IGNORECASE)
_CLEAN = re.compile(r"clean|orig|natural|benign|nat$|unperturbed", re.IGNORECASE)
_GENERAL = ("images", "inputs", "x", "data", "arr_0")
_LABELS = ("labels", "label", "y", "y_true", "true_labels", "arr_1")
_IN_A_LIST = re.compile(r"(\[\d+\])+")


@dataclass(frozen=True, repr=False)
class Arrays(Printed):
    """What a file holds.

    Attributes:
        images: ``(N, 3, H, W)``, uint8, or float32 in [0, 1].
        labels: int64 ``(N,)``; None where the file has none.
        clean: the clean images, as ``images``; None where the file has none.
    """

    images: Tensor
    labels: Tensor | None
    clean: Tensor | None


def is_array_file(path: str | Path) -> bool:
    """Whether a path ends as files of arrays do."""
    return Path(path).suffix.lower() in ARRAY_FILES


def read_arrays(path: str | Path) -> Arrays:
    """Read images from one file.

    The images are found by name: ``adv_inputs`` (torchattacks' ``save``), ``adversarial``, ``x_adv``, ... are the
    adversarial ones, ``clean_inputs``, ``original``, ... the clean ones. A general name (``images``, ``x``) stands for
    the adversarial ones where nothing in the file is better called so, else for the clean ones. Or the file is a
    single array, or a pair of images and labels. Channels may come last, gray images get three equal channels, whole
    numbers from 0 to 255 are grey levels. Floats must be in [0, 1].

    Raises:
        DataError: not such a file, a pickle that holds code, no images in it or several arrays that could be them,
            images of another form, or sizes that no memory holds.
    """
    path = as_path(path, "a file of arrays")
    found = open_arrays(path)
    images, clean = _by_name(path, found)
    labels = _labels(path, found.arrays, images)
    for name, values in (("labels", labels), ("clean images", clean)):
        if values is not None and (not values.shape or not images.shape or values.shape[0] != images.shape[0]):
            raise DataError(f"{path}: {_count(images)} images but {_count(values)} {name}")
    return Arrays(
        as_images(str(path), read_stored(path, images)),
        None if labels is None else _as_labels(path, read_stored(path, labels)),
        None if clean is None else as_images(str(path), read_stored(path, clean)),
    )


def _by_name(path: Path, found: Found) -> tuple[Stored, Stored | None]:
    """The images and the clean ones; each name is asked what it says, and two that say the same are refused."""
    pictures = _pictures(found.arrays)
    kinds: dict[str, list[str]] = {"clean": [], "adversarial": [], "general": []}
    for name in pictures:
        if _CLEAN.search(name):
            kinds["clean"].append(name)
        elif _ADVERSARIAL.search(name):
            kinds["adversarial"].append(name)
        elif _last(name) in _GENERAL or _IN_A_LIST.fullmatch(name):
            kinds["general"].append(name)
    for kind, names in kinds.items():
        if len(names) > 1 and all(_IN_A_LIST.fullmatch(name) for name in names):
            raise DataError(
                f"{path}: {len(names)} tensors (one for each epsilon, as foolbox gives?), {' and '.join(names)}; "
                "save one of them"
            )
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
            f"found {', '.join((*found.arrays, *found.other)) or 'nothing'}"
        )
    return found.arrays[chosen], None if other is None else found.arrays[other]


def _pictures(arrays: Mapping[str, Stored]) -> list[str]:
    """The arrays that could be images: those of four axes, else of three, else any, for whoever checks them to say."""
    for axes in (4, 3):
        if names := [name for name, each in arrays.items() if len(each.shape) == axes]:
            return names
    return list(arrays)


def _last(name: str) -> str:
    return name.rpartition(".")[2].lower()


def _labels(path: Path, arrays: Mapping[str, Stored], images: Stored) -> Stored | None:
    named = [each for wanted in _LABELS for name, each in arrays.items() if _last(name) == wanted]
    if len(named) > 1 and not _all_equal(path, named):
        listed = " and ".join(each.name for each in named)
        raise DataError(f"{path}: {listed} could each be the labels, and they differ; save one of them")
    if named:
        return named[0]
    # (images, labels), as a loader gives them.
    beside = [each for name, each in arrays.items() if _IN_A_LIST.fullmatch(name) and each is not images]
    return beside[0] if len(beside) == 1 and beside[0].shape == images.shape[:1] else None


def _all_equal(path: Path, stored: list[Stored]) -> bool:
    first = read_stored(path, stored[0])
    return all(torch.equal(first, read_stored(path, each)) for each in stored[1:])


def _count(values: Stored) -> int:
    return values.shape[0] if values.shape else 1


def _as_labels(path: Path, values: Tensor) -> Tensor:
    if values.is_floating_point() or values.dtype == torch.bool or values.ndim != 1:
        raise DataError(f"{path}: labels must be integers (N,), got {described(values)}")
    return values.to(torch.int64)
