"""Image files to 8-bit tensors: decoded, resized and cropped once, then 8-bit for good."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from presoftmax.data.imageset import ImageSet, Skipped
from presoftmax.data.listing import Listing
from presoftmax.errors import DataError

__all__ = [
    "Preprocessing",
    "decode",
    "decode_all",
    "read_images",
    "read_part",
    "resized",
    "stream_images",
    "to_picture",
    "to_tensor",
]

# Modes that become RGB without losing anything; deeper ones (I, I;16, F) would.
_EIGHT_BIT_MODES = {"1", "L", "P", "RGB", "RGBA", "LA", "PA", "CMYK", "YCbCr"}


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

    def apply(self, image: Image.Image) -> Image.Image:
        """Resize and crop a decoded RGB image."""
        if self.size is None:
            return image
        if not self.crop:
            return image.resize((self.size, self.size), Image.Resampling[self.interpolation.upper()])
        scale = (self.resize or self.size) / min(image.size)
        width, height = (max(self.size, round(side * scale)) for side in image.size)
        if (width, height) != image.size:
            image = image.resize((width, height), Image.Resampling[self.interpolation.upper()])
        left, top = (width - self.size) // 2, (height - self.size) // 2
        return image.crop((left, top, left + self.size, top + self.size))


def read_images(listing: Listing, preprocessing: Preprocessing | None = None) -> ImageSet:
    """Decode all images of a listing.

    An image that cannot be used (corrupt, more than 8 bits a channel, transparent) is left out and named in
    ``skipped``. Gray images get three equal channels; an alpha channel that is opaque everywhere is dropped.

    Args:
        listing: what to read.
        preprocessing: size and crop; images stay as they are when left out.

    Raises:
        DataError: no image is left, or images of different sizes without a preprocessing.
    """
    return ImageSet.concatenate(listing.origin, stream_images(listing, preprocessing))


def stream_images(listing: Listing, preprocessing: Preprocessing | None = None, chunk: int = 64) -> Iterator[ImageSet]:
    """Decode a listing piece by piece, ``chunk`` files at a time, as `read_images` does."""
    preprocessing = preprocessing or Preprocessing(size=None)
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
    kept: list[tuple[str, str, int]] = []
    for name, where, file, label in named:
        try:
            image = preprocessing.apply(decode(file))
        except DataError as error:
            skipped.append(Skipped(where, str(error)))
            continue
        pixels.append(to_tensor(image))
        if pixels[-1].shape != pixels[0].shape:
            raise DataError(
                f"{where}: {_size(pixels[-1])} pixels where {Path(kept[0][1]).name} has {_size(pixels[0])}; "
                "give a size to bring them all to one"
            )
        kept.append((name, where, label))
    if not kept:
        return ImageSet.empty(skipped)
    labels = torch.tensor([label for _, _, label in kept], dtype=torch.int64)
    return ImageSet(torch.stack(pixels), labels, tuple(name for name, _, _ in kept), tuple(skipped))


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


def decode(path: Path | BytesIO) -> Image.Image:
    """One file, or its bytes, as an RGB image.

    Raises:
        DataError: the file is missing, corrupt, deeper than 8 bits, transparent, or too large to be safe.
    """
    try:
        with Image.open(path) as opened:
            opened.load()
            # As the camera was held: what a person sees, and what other readers give.
            image = ImageOps.exif_transpose(opened)
    except (UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise DataError(f"not a usable image ({type(error).__name__})") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise DataError(f"could not be decoded ({error})") from error
    if image.mode not in _EIGHT_BIT_MODES:
        raise DataError(f"mode {image.mode}: only images of 8 bits a channel are read")
    if image.has_transparency_data and image.convert("RGBA").getchannel("A").getextrema() != (255, 255):
        raise DataError("transparent: what a model would see is undefined; flatten it first")
    return image.convert("RGB")


def _size(image: Tensor) -> str:
    return f"{image.shape[2]}x{image.shape[1]}"
