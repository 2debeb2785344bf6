"""Images as people have them in Python: tensors, arrays, loaders, datasets, files, folders."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, SequentialSampler

from presoftmax.data.arrays import is_array_file, read_arrays
from presoftmax.data.form import as_images as as_pixels
from presoftmax.data.form import described
from presoftmax.data.imageset import ImageSet
from presoftmax.data.listing import UNKNOWN, list_images, list_unlabeled
from presoftmax.data.paths import as_path
from presoftmax.data.reading import read_images
from presoftmax.errors import DataError
from presoftmax.printing import Printed

__all__ = ["GivenImages", "as_images", "as_labels"]

_BATCH = 64
_LARGEST = 2.0**53  # up to which doubles are whole numbers
_IMAGE_KEYS = ("images", "image", "pixel_values", "img", "x", "inputs")
_LABEL_KEYS = ("labels", "label", "y", "target", "targets", "fine_label")


@dataclass(frozen=True, repr=False)
class GivenImages(Printed):
    """Images that were given in some form.

    Attributes:
        pixels: ``(N, 3, H, W)`` on the CPU, uint8, or float32 in [0, 1].
        labels: int64 ``(N,)``; None where there are none.
        ids: names; None where there are none.
    """

    pixels: Tensor
    labels: Tensor | None = None
    ids: tuple[str, ...] | None = None


def as_images(given: Any, what: str = "images") -> GivenImages:
    """Images of a tensor, an array, an `ImageSet`, a loader, a dataset, a file of arrays or a folder.

    Args:
        given: ``(N, 3, H, W)`` or ``(N, H, W, 3)``, uint8 or floats in [0, 1]; or a list of such images; or where
            they come from. A folder's labels are those of its class folders, where it has some.
        what: how messages call it.

    Raises:
        DataError: images of another form, a loader that shuffles, or a file or folder that cannot be read.
    """
    if isinstance(given, GivenImages):
        return given
    if isinstance(given, ImageSet):
        return GivenImages(given.images, _known(given.labels), given.ids)
    if isinstance(given, str | Path):
        return _of_path(as_path(given, what))
    if isinstance(given, DataLoader | Dataset):
        return _of_loader(given, what)
    return GivenImages(as_pixels(what, _tensor(given, what)))


def as_labels(given: Any, what: str = "labels") -> Tensor:
    """Labels int64 ``(N,)`` of a list, an array or a tensor of whole numbers.

    Raises:
        DataError: something else.
    """
    values = _tensor(given, what)
    if values.ndim != 1 or values.is_complex() or values.dtype == torch.bool:
        raise DataError(f"{what} must be whole numbers (N,), one for each image, got {described(values)}")
    if values.is_floating_point():
        split = ((values != values.round()) | (values.abs() > _LARGEST)).nonzero()
        if len(split):
            raise DataError(f"{what}: {float(values[split[0, 0]]):g} of image {int(split[0, 0])} is no class number")
    return values.to(torch.int64)


def _of_path(path: Path) -> GivenImages:
    if is_array_file(path):
        arrays = read_arrays(path)
        return GivenImages(arrays.images, arrays.labels)
    grouped = path.is_dir() and any(each.is_dir() for each in path.iterdir())
    found = read_images(list_images(path) if grouped else list_unlabeled(path))
    return GivenImages(found.images, _known(found.labels), found.ids)


def _known(labels: Tensor) -> Tensor | None:
    return None if bool((labels == UNKNOWN).any()) else labels


def _of_loader(given: Any, what: str) -> GivenImages:
    if isinstance(given, IterableDataset) or not isinstance(given, DataLoader):
        given = DataLoader(given, batch_size=_BATCH)
    elif not isinstance(given.sampler, SequentialSampler | type(None)) and not _in_order(given):
        raise DataError(f"{what}: the loader shuffles, so that nobody knows which image is which; use shuffle=False")
    pixels, labels = [], []
    for batch in given:
        images, known = _of_batch(batch, what)
        pixels.append(as_pixels(what, _tensor(images, what)))
        if known is not None:
            labels.append(as_labels(known, f"{what}: labels"))
    if not pixels:
        raise DataError(f"{what}: the loader is empty")
    count = sum(map(len, pixels))
    complete = sum(map(len, labels)) == count
    return GivenImages(torch.cat(pixels), torch.cat(labels) if complete else None)


def _in_order(loader: Any) -> bool:
    """Batches of a sampler of one's own: whether they come in the order of the numbers."""
    numbers = [number for batch in loader.batch_sampler or () for number in batch]
    return bool(numbers) and numbers == sorted(numbers)


def _of_batch(batch: Any, what: str) -> tuple[Any, Any]:
    """Images and labels of what a loader gives."""
    if isinstance(batch, Tensor):
        return batch, None
    if isinstance(batch, Mapping):
        images = next((batch[key] for key in _IMAGE_KEYS if key in batch), None)
        if images is None:
            raise DataError(f"{what}: the loader gives {', '.join(map(str, batch))}; expected images or pixel_values")
        return images, next((batch[key] for key in _LABEL_KEYS if key in batch), None)
    if isinstance(batch, Sequence) and len(batch):
        return batch[0], batch[1] if len(batch) > 1 else None
    raise DataError(f"{what}: the loader gives a {type(batch).__name__}; expected images, or images and labels")


def _tensor(given: Any, what: str) -> Tensor:
    try:
        if isinstance(given, Tensor):
            return given.detach().cpu()
        if isinstance(given, list | tuple) and given and all(isinstance(each, Tensor) for each in given):
            return torch.stack([each.detach().cpu() for each in given])
        return torch.as_tensor(np.asarray(given))
    except (TypeError, ValueError, RuntimeError) as error:
        raise DataError(f"{what}: a {type(given).__name__} that is no tensor or array of one shape") from error
