"""Where a study's images come from: many labeled images, named before they are decoded, read by position."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from presoftmax.data._hugging_face import is_saved_dataset, open_saved_dataset
from presoftmax.data.arrays import read_arrays
from presoftmax.data.imageset import ImageSet
from presoftmax.data.listing import Listing, list_images
from presoftmax.data.reading import Preprocessing, read_part
from presoftmax.data.samples import list_samples
from presoftmax.errors import DataError

__all__ = ["Pool", "check_location", "open_pool", "shuffled"]


class Pool(Protocol):
    """Labeled images, each with its id."""

    @property
    def ids(self) -> Sequence[str]:
        """One id per image."""
        ...

    def read(self, positions: Sequence[int]) -> ImageSet:
        """Decode the images at these positions; what cannot be used is in ``skipped``."""
        ...


def open_pool(
    path: str | Path, labels: str | Path | None, preprocessing: Preprocessing, class_names: Sequence[str] | None = None
) -> Pool:
    """Open a location with labeled images.

    Args:
        path: a folder of class folders, also one that has them in its folder ``val`` (ImageNet); a flat folder, with
            ``labels``; an ``.npz`` with ``images`` uint8 ``(N, 3, H, W)`` and ``labels`` ``(N,)``; a dataset
            that Hugging Face's library has saved to disk; or ``"samples"`` (``"samples:cifar10"``), see `samples`.
        labels: CSV of labels, as for `list_images`.
        preprocessing: size and crop.
        class_names: names of the model's classes, for class folders.

    Raises:
        DataError: there is nothing of this kind; see `list_images`.
    """
    name, _, which = str(path).partition(":")
    if name == "samples":
        return _Files(list_samples(which or "imagenet"), preprocessing)
    location = Path(path)
    if location.suffix == ".npz":
        return _arrays(location, preprocessing)
    if is_saved_dataset(location):
        return open_saved_dataset(location, preprocessing)
    if labels is None and (location / "val").is_dir():
        location = location / "val"
    return _Files(list_images(location, labels, class_names), preprocessing)


def check_location(path: str | Path, labels: str | Path | None) -> None:
    """Raise `DataError` where `open_pool` would find nothing, before any model is loaded for it."""
    if not str(path).startswith("samples") and not Path(path).exists():
        raise DataError(f"{path}: no such folder or file of images")
    if labels is not None and not Path(labels).is_file():
        raise DataError(f"{labels}: no such CSV of labels")


def shuffled(pool: Pool, seed: int) -> list[int]:
    """All positions in an order that depends on nothing but the seed and the ids."""
    keys = [blake2b(f"{seed}\0{name}".encode(), digest_size=16).digest() for name in pool.ids]
    return sorted(range(len(keys)), key=keys.__getitem__)


@dataclass(frozen=True)
class _Files:
    listing: Listing
    preprocessing: Preprocessing

    @property
    def ids(self) -> Sequence[str]:
        return [entry.id for entry in self.listing.entries]

    def read(self, positions: Sequence[int]) -> ImageSet:
        return read_part(self.listing, positions, self.preprocessing)


@dataclass(frozen=True)
class _Arrays:
    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    preprocessing: Preprocessing

    @property
    def ids(self) -> Sequence[str]:
        return [f"{i:06d}" for i in range(len(self.images))]

    def read(self, positions: Sequence[int]) -> ImageSet:
        names = self.ids
        pictures = np.stack([self._preprocessed(self.images[i]) for i in positions])
        return ImageSet.from_arrays(pictures, self.labels[list(positions)], [names[i] for i in positions])

    def _preprocessed(self, image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        if self.preprocessing.size in (None, image.shape[1]) and self.preprocessing.size in (None, image.shape[2]):
            return image
        picture = self.preprocessing.apply(Image.fromarray(np.moveaxis(image, 0, 2)))
        return np.moveaxis(np.array(picture), 2, 0)


def _arrays(path: Path, preprocessing: Preprocessing) -> _Arrays:
    found = read_arrays(path)
    if found.labels is None:
        raise DataError(f"{path}: no array of labels; a pool needs images and labels")
    images = found.images if found.clean is None else found.clean
    if images.dtype != torch.uint8:
        raise DataError(f"{path}: images must be uint8 (N, 3, H, W) with values 0 to 255, got floats")
    return _Arrays(images.numpy(), found.labels.numpy(), preprocessing)
