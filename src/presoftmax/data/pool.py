"""Where a study's images come from: many labeled images, named before they are decoded, read by position."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from presoftmax.data._hugging_face import is_saved_dataset, open_saved_dataset
from presoftmax.data.arrays import is_array_file, read_arrays
from presoftmax.data.form import as_grey_levels
from presoftmax.data.imageset import ImageSet
from presoftmax.data.listing import UNKNOWN, Listing, list_images
from presoftmax.data.paths import as_path, sample_set
from presoftmax.data.reading import Preprocessing, read_part, to_picture, to_tensor
from presoftmax.data.sample_photos import list_samples
from presoftmax.errors import DataError

__all__ = ["ArrayPool", "Pool", "open_array_pool", "open_pool", "shuffled", "stream_pool"]


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
            ``labels``; a file of arrays (``.npz``, ``.npy``, ``.pt``, ``.safetensors``), see `read_arrays`; a dataset
            that Hugging Face's library has saved to disk; or ``"samples"`` (``"samples:cifar10"``), see `samples`.
        labels: CSV of labels, as for `list_images`.
        preprocessing: size and crop.
        class_names: names of the model's classes, for class folders.

    Raises:
        DataError: there is nothing of this kind; see `list_images`.
    """
    location = as_path(path, "a place with images")
    if (which := sample_set(path)) is not None:
        _refuse_labels(path, labels)
        return _Files(list_samples(which), preprocessing)
    if is_array_file(location):
        _refuse_labels(path, labels)
        pool = open_array_pool(location, preprocessing)
        if bool((pool.labels == UNKNOWN).all()):
            raise DataError(f"{path}: no array of labels; a pool needs images and labels")
        return pool
    if is_saved_dataset(location):
        return open_saved_dataset(location, preprocessing, class_names)
    if labels is None and (location / "val").is_dir():
        location = location / "val"
    return _Files(list_images(location, labels, class_names), preprocessing)


def stream_pool(pool: Pool, chunk: int = 64) -> Iterator[ImageSet]:
    """All images of a place, ``chunk`` at a time."""
    count = len(pool.ids)
    for start in range(0, count, chunk):
        yield pool.read(range(start, min(start + chunk, count)))


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
class ArrayPool:
    """Images of a file of arrays; ids are their positions, and labels `UNKNOWN` where the file has none."""

    images: Tensor
    labels: Tensor
    preprocessing: Preprocessing

    @property
    def ids(self) -> Sequence[str]:
        """One id per image."""
        return [f"{i:06d}" for i in range(len(self.images))]

    def read(self, positions: Sequence[int]) -> ImageSet:
        """These images, brought to their size."""
        names = self.ids
        pictures = torch.stack([self._preprocessed(self.images[i]) for i in positions])
        return ImageSet.from_arrays(pictures, self.labels[list(positions)], [names[i] for i in positions])

    def _preprocessed(self, image: Tensor) -> Tensor:
        if self.preprocessing.size in (None, image.shape[1]) and self.preprocessing.size in (None, image.shape[2]):
            return image
        return to_tensor(self.preprocessing.apply(to_picture(image)))


def open_array_pool(path: str | Path, preprocessing: Preprocessing) -> ArrayPool:
    """The clean images of a file of arrays (all of them, where none are called so), and their labels if it has any.

    Raises:
        DataError: as for `read_arrays`, or floats between the grey levels.
    """
    found = read_arrays(path)
    images = as_grey_levels(str(path), found.images if found.clean is None else found.clean)
    labels = torch.full((len(images),), UNKNOWN) if found.labels is None else found.labels
    if found.labels is not None and bool((labels < 0).any()):
        at = int((labels < 0).nonzero()[0])
        raise DataError(f"{path}: label {int(labels[at])} of image {at} is no class; classes are counted from 0")
    return ArrayPool(images, labels, preprocessing)


def _refuse_labels(path: str | Path, labels: str | Path | None) -> None:
    """A file of arrays and the samples bring their labels: a table of them has no names to go by."""
    if labels is not None:
        raise DataError(f"{labels}: labels of {path} are in it, not in a table of file names; leave it out")
