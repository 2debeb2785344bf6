"""Image files to 8-bit tensors: decoded, resized and cropped once, then 8-bit for good."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from io import BytesIO
from numbers import Integral
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from presoftmax.data._decoding import MOST_PIXELS, decode, refusing
from presoftmax.data.imageset import ImageSet, Skipped
from presoftmax.data.listing import Listing
from presoftmax.errors import DataError, warn

__all__ = [
    "Preprocessing",
    "decode_all",
    "read_images",
    "read_part",
    "resized",
    "stream_images",
    "to_picture",
    "to_tensor",
]

_INTERPOLATIONS = ("bilinear", "bicubic")


@dataclass(frozen=True)
class Preprocessing:
    """How a photo becomes a square: its shorter side is resized, then the center is cropped.

    Attributes:
        size: side of the square in pixels; None keeps every image as it is (all must then agree in size).
        resize: length of the shorter side before the crop, in pixels; as long as the crop when left out.
        interpolation: ``"bilinear"`` or ``"bicubic"``, both with antialiasing.
        crop: whether the square is cut out of the photo; otherwise the whole photo is resized to it, whatever its
            proportions.
    """

    size: int | None
    resize: int | None = None
    interpolation: str = "bicubic"
    crop: bool = True

    def __post_init__(self) -> None:
        for name, value in (("size", self.size), ("resize", self.resize)):
            if value is not None and (isinstance(value, bool) or not isinstance(value, Integral)):
                raise TypeError(f"{name} is a whole number of pixels, got {value!r}")
            if value is not None and value < 1:
                raise ValueError(f"{name} is at least one pixel, got {value}")
        if self.interpolation not in _INTERPOLATIONS:
            raise ValueError(f"interpolation is {' or '.join(_INTERPOLATIONS)}, got {self.interpolation!r}")

    def apply(self, image: Image.Image) -> Image.Image:
        """Resize and crop a decoded RGB image.

        Raises:
            DataError: so long and thin an image that it would not fit into memory once its shorter side is resized.
        """
        if self.size is None:
            return image
        if not self.crop:
            return image.resize((self.size, self.size), Image.Resampling[self.interpolation.upper()])
        scale = (self.resize or self.size) / min(image.size)
        width, height = (max(self.size, round(side * scale)) for side in image.size)
        if width * height > max(MOST_PIXELS, image.width * image.height):
            raise DataError(
                f"{image.width}x{image.height} pixels would be {width}x{height} with a shorter side of "
                f"{min(width, height)}: too long and thin; crop it first"
            )
        if (width, height) != image.size:
            image = image.resize((width, height), Image.Resampling[self.interpolation.upper()])
        left, top = (width - self.size) // 2, (height - self.size) // 2
        return image.crop((left, top, left + self.size, top + self.size))


def read_images(listing: Listing, preprocessing: Preprocessing | None = None) -> ImageSet:
    """Decode all images of a listing.

    An image that cannot be used (corrupt, more than 8 bits a channel, transparent) is left out and named in
    ``skipped``. Gray images get three equal channels; an alpha channel that is opaque everywhere is dropped; of an
    animation the first frame is read, and a warning says so.

    Args:
        listing: what to read.
        preprocessing: size and crop; images stay as they are when left out.

    Raises:
        DataError: no image is left, or images of different sizes without a preprocessing.
    """
    pieces = list(stream_images(listing, preprocessing))
    return ImageSet.concatenate(listing.origin, pieces)


def stream_images(listing: Listing, preprocessing: Preprocessing | None = None, chunk: int = 64) -> Iterator[ImageSet]:
    """Decode a listing piece by piece, ``chunk`` files at a time, as `read_images` does."""
    if not isinstance(listing, Listing):
        raise TypeError(
            f"expected the listing of a folder, got {_told(listing)}: list_images(FOLDER, LABELS) gives one"
        )
    preprocessing = preprocessing or Preprocessing(size=None)
    if not isinstance(preprocessing, Preprocessing):
        raise TypeError(f"expected a Preprocessing, such as Preprocessing(224), got {_told(preprocessing)}")
    for start in range(0, len(listing.entries), chunk):
        yield read_part(listing, range(start, min(start + chunk, len(listing.entries))), preprocessing)


def read_part(listing: Listing, positions: Iterable[int], preprocessing: Preprocessing) -> ImageSet:
    """Decode the files at these positions, as `read_images` does, without asking that any is left."""
    entries = (listing.entries[at] for at in positions)
    named = ((entry.id, str(entry.path), entry.path, entry.label) for entry in entries)
    return replace(decode_all(named, preprocessing), numbered_folders=listing.numbered_folders)


def decode_all(named: Iterable[tuple[str, str, Path | BytesIO, int]], preprocessing: Preprocessing) -> ImageSet:
    """Decode images, each given by its id, where it comes from in words, its file or bytes, and its label.

    Raises:
        DataError: images of different sizes.
    """
    skipped: list[Skipped] = []
    pixels: list[Tensor] = []
    animated: list[str] = []
    kept: list[tuple[str, str, int]] = []
    for name, where, file, label in named:
        try:
            with refusing(file):
                decoded = decode(file)
                pixels.append(to_tensor(preprocessing.apply(decoded.image)))
        except DataError as error:
            skipped.append(Skipped(where, str(error)))
            continue
        animated += [where] * decoded.animated
        if pixels[-1].shape != pixels[0].shape:
            raise DataError(
                f"{where}: {_size(pixels[-1])} pixels where {Path(kept[0][1]).name} has {_size(pixels[0])}; "
                "give a size to bring them all to one"
            )
        kept.append((name, where, label))
    if animated:
        more = f" and {len(animated) - 1} more" if len(animated) > 1 else ""
        warn(f"{animated[0]}{more}: animated; its first frame is read")
    if not kept:
        return ImageSet.empty(skipped)
    labels = torch.tensor([label for _, _, label in kept], dtype=torch.int64)
    return ImageSet(_stacked(pixels, kept[0][1]), labels, tuple(name for name, _, _ in kept), tuple(skipped))


def resized(pixels: Tensor, size: tuple[int, int]) -> Tensor:
    """Float images ``(N, C, H, W)`` in [0, 1] at another height and width: bicubic, antialiased, differentiable."""
    if tuple(pixels.shape[-2:]) == size:
        return pixels
    return F.interpolate(pixels, size=size, mode="bicubic", antialias=True).clamp(0, 1)


def to_tensor(picture: Image.Image) -> Tensor:
    """An RGB picture as uint8 ``(3, H, W)``."""
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)


def to_picture(image: Tensor) -> Image.Image:
    """An image uint8 ``(3, H, W)`` as an RGB picture."""
    return Image.fromarray(image.permute(1, 2, 0).contiguous().numpy())


def _stacked(pixels: list[Tensor], first: str) -> Tensor:
    try:
        return torch.stack(pixels)
    except (MemoryError, RuntimeError) as error:
        words = (
            f"{len(pixels)} images of {_size(pixels[0])} pixels do not fit into memory; give a size, or fewer of them"
        )
        raise DataError(f"{first} and the images after it: {words}") from error


def _told(given: object) -> str:
    return repr(given) if isinstance(given, str | Path) else f"a {type(given).__name__}"


def _size(image: Tensor) -> str:
    return f"{image.shape[2]}x{image.shape[1]}"
