"""A batch of 8-bit images with their labels and ids."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import torch
from torch import Tensor

from presoftmax.data.form import as_grey_levels, described
from presoftmax.errors import DataError
from presoftmax.printing import Printed, brief, first_few
from presoftmax.text import storable

__all__ = ["ImageSet", "Skipped", "nothing_usable"]


@dataclass(frozen=True)
class Skipped:
    """An image that could not be used, and why."""

    file: str
    reason: str


@dataclass(frozen=True, repr=False)
class ImageSet(Printed):
    """Images of one size with labels and ids; ``images, labels = image_set`` unpacks it.

    Attributes:
        images: uint8 ``(N, 3, H, W)``, values 0 to 255, on the CPU.
        labels: int64 ``(N,)``.
        ids: one name per image, unique; the randomness of an example comes from it.
        skipped: the images that could not be read, with the reason.
        numbered_folders: how many class folders the labels were counted from, in the order of their names; None where
            something better was known.
    """

    images: Tensor
    labels: Tensor
    ids: tuple[str, ...]
    skipped: tuple[Skipped, ...] = ()
    numbered_folders: int | None = None

    def _lines(self) -> Iterator[str]:
        size = " x ".join(map(str, self.images.shape[2:]))
        yield f"ImageSet of {len(self)} images of {size}, {len(set(self.labels.tolist()))} classes"
        yield f"  ids: {first_few(self.ids)}"
        if self.skipped:
            first = self.skipped[0]
            yield f"  {len(self.skipped)} could not be read, the first: {brief(first.file)}: {first.reason}"

    def __post_init__(self) -> None:
        object.__setattr__(self, "ids", tuple(map(storable, self.ids)))
        if self.images.dtype != torch.uint8 or self.images.ndim != 4 or self.images.shape[1] != 3:
            raise DataError(
                f"images must be uint8 (N, 3, H, W) with values 0 to 255, got {described(self.images)}"
                f"{_hint(self.images)}"
            )
        if self.labels.shape != (len(self.images),) or self.labels.dtype != torch.int64:
            raise DataError(f"labels must be int64 ({len(self.images)},), one per image, got {described(self.labels)}")
        if len(self.ids) != len(self.images):
            raise DataError(f"{len(self.ids)} ids for {len(self.images)} images")
        if len(set(self.ids)) != len(self.ids):
            twice = next(name for name in self.ids if self.ids.count(name) > 1)
            raise DataError(f"the id {twice!r} is used for more than one image")

    @classmethod
    def from_arrays(cls, images: Any, labels: Any, ids: Sequence[str] | None = None) -> "ImageSet":
        """Build a set from tensors or arrays.

        Args:
            images: ``(N, 3, H, W)``, uint8, or floats in [0, 1] that stand for grey levels.
            labels: integers ``(N,)``.
            ids: ``N`` unique names; a hash of each image's pixels when left out, so that an example keeps its id,
                and with it its targets, in any order and in any batch.

        Raises:
            DataError: a wrong shape or dtype, repeated ids.
        """
        pixels = _as_tensor(images, "images")
        if pixels.is_floating_point() and pixels.numel() and bool(((pixels >= 0) & (pixels <= 1)).all()):
            pixels = as_grey_levels("images", pixels)
        numbers = _as_tensor(labels, "labels")
        if numbers.is_floating_point() or numbers.dtype == torch.bool:
            raise DataError(f"labels must be integers, got {described(numbers)}")
        if pixels.ndim == 0:
            raise DataError(f"images must be uint8 (N, 3, H, W), got one number, {pixels.item()}")
        names = _content_ids(pixels) if ids is None else tuple(str(name) for name in ids)
        return cls(pixels.contiguous(), numbers.to(torch.int64), names)

    @classmethod
    def empty(cls, skipped: Iterable[Skipped] = ()) -> "ImageSet":
        """No image, only what was skipped."""
        nothing = torch.zeros((0, 3, 0, 0), dtype=torch.uint8)
        return cls(nothing, torch.zeros(0, dtype=torch.int64), (), tuple(skipped))

    @classmethod
    def concatenate(cls, origin: str, pieces: Iterable["ImageSet"]) -> "ImageSet":
        """One set of several.

        Raises:
            DataError: no image in any of them (the message names ``origin`` and the first one skipped), or images of
                different sizes.
        """
        parts = list(pieces)
        skipped = tuple(entry for part in parts for entry in part.skipped)
        filled = [part for part in parts if len(part)]
        if not filled:
            first = f" of {len(skipped)}; the first: {skipped[0].file}: {skipped[0].reason}" if skipped else ""
            raise DataError(f"{origin}: no usable image{first}")
        sizes = {tuple(part.images.shape[2:]) for part in filled}
        if len(sizes) > 1:
            raise DataError(f"{origin}: images of different sizes {sorted(sizes)}; give a size to bring them to one")
        ids = tuple(name for part in filled for name in part.ids)
        labels = torch.cat([part.labels for part in filled])
        numbered = filled[0].numbered_folders
        return cls(torch.cat([part.images for part in filled]), labels, ids, skipped, numbered)

    def select(self, keep: Sequence[int]) -> "ImageSet":
        """The images at these positions, in this order."""
        index = torch.as_tensor(keep, dtype=torch.int64)
        names = tuple(self.ids[i] for i in keep)
        return ImageSet(self.images[index], self.labels[index], names, self.skipped, self.numbered_folders)

    def batches(self, size: int) -> "Iterator[ImageSet]":
        """Consecutive pieces of at most ``size`` images."""
        for start in range(0, len(self), size):
            yield self.select(range(start, min(start + size, len(self))))

    def check_labels(self, num_classes: int) -> None:
        """Raise `DataError` at the first label that is not in ``0 .. num_classes - 1``.

        And where the labels were counted from fewer (or more) class folders than there are classes.
        """
        if self.numbered_folders not in (None, num_classes):
            raise DataError(
                f"the labels were counted from {self.numbered_folders} class folders, in the order of their names, but "
                f"the model has {num_classes} classes; name the folders by class number, or give a CSV of labels"
            )
        wrong = (self.labels < 0) | (self.labels >= num_classes)
        if wrong.any():
            at = int(wrong.nonzero()[0])
            raise DataError(
                f"label {int(self.labels[at])} of image {self.ids[at]!r} is out of range: "
                f"the model has classes 0 to {num_classes - 1}"
                + (" (are they counted from 1?)" if int(self.labels[at]) == num_classes else "")
            )

    def __len__(self) -> int:
        return len(self.images)

    def __iter__(self) -> Iterator[Tensor]:
        return iter((self.images, self.labels))


def nothing_usable(skipped: Sequence[Skipped]) -> str:
    """That no image is left, with the first reason, in words."""
    first = f"; {len(skipped)} could not be read, the first: {skipped[0].file}: {skipped[0].reason}" if skipped else ""
    return f"there is no usable image{first}"


def _as_tensor(values: Any, what: str) -> Tensor:
    try:
        return torch.as_tensor(values).detach().cpu()
    except (TypeError, ValueError, RuntimeError):
        pass
    try:
        return torch.as_tensor(np.asarray(values))
    except (TypeError, ValueError, RuntimeError) as error:
        kind = "numbers (N,)" if what == "labels" else "a tensor or an array (N, 3, H, W)"
        given = repr(values) if isinstance(values, str) else f"a {type(values).__name__} that is none"
        raise DataError(f"{what} must be {kind}, got {given}") from error


def _hint(images: Tensor) -> str:
    """How images of another form become these."""
    if images.is_floating_point():
        return "; for [0, 1] floats: (images * 255).round().to(torch.uint8)"
    if images.dtype != torch.uint8:
        return "; whole numbers from 0 to 255: images.to(torch.uint8)"
    if images.ndim == 4 and images.shape[1] == 1:
        return "; gray images: images.expand(-1, 3, -1, -1)"
    if images.ndim == 4 and images.shape[3] == 3:
        return "; channels first: images.permute(0, 3, 1, 2)"
    if images.ndim == 3:
        return "; one image: images[None]"
    return ""


def _content_ids(images: Tensor) -> tuple[str, ...]:
    """A hash of each image; a repeated image gets its count appended."""
    seen: dict[str, int] = {}
    names = []
    for image in images:
        digest = blake2b(image.contiguous().numpy().tobytes(), digest_size=8).hexdigest()
        seen[digest] = seen.get(digest, 0) + 1
        names.append(digest if seen[digest] == 1 else f"{digest}-{seen[digest]}")
    return tuple(names)
