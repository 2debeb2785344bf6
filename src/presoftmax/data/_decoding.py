"""One image file as an RGB picture, or the reason why it is none."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from presoftmax.data.content import describe_content
from presoftmax.errors import DataError, first_line

__all__ = ["MOST_PIXELS", "NOT_READ", "Decoded", "decode", "refusing"]

MOST_PIXELS = 2**27
"""Beyond it an image takes 400 MB and more; Pillow itself refuses to open files of 179 million pixels."""
NOT_READ = {
    ".heic", ".heif", ".jxl", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".raf", ".rw2", ".exr", ".psd", ".xcf",
}  # fmt: skip
"""Endings of photos that are not read: they are named with the reason rather than passed over."""
_WHATEVER_THEY_ARE_CALLED = ("JPEG", "MPO", "PNG", "WEBP")
# Modes that become RGB without losing anything; deeper ones (I, I;16, F) would.
_EIGHT_BIT_MODES = {"1", "L", "P", "RGB", "RGBA", "LA", "PA", "CMYK", "YCbCr", "RGBX"}


@dataclass(frozen=True)
class Decoded:
    """A picture, and whether it is the first frame of several."""

    image: Image.Image
    animated: bool


def decode(path: Path | BytesIO) -> Decoded:
    """One file, or its bytes, as an RGB image.

    Raises:
        DataError: the file is missing, corrupt, deeper than 8 bits, transparent, or too large to be safe.
    """
    with refusing(path), warnings.catch_warnings():
        # Of large photos and damaged metadata: what cannot be read is said in one line, what can be is read.
        warnings.simplefilter("ignore")
        with Image.open(path) as opened:
            # Of a raw photo Pillow gives the thumbnail; a JPEG that is only called so is one.
            if _is_not_read(path) and opened.format not in _WHATEVER_THEY_ARE_CALLED:
                raise DataError(f"not a usable image{_instead(path)}")
            deep = _is_deep(opened)
            # The second picture of an MPO is a preview that a camera made of the first.
            animated = getattr(opened, "is_animated", False) and opened.format != "MPO"
            opened.load()
            # As the camera was held: what a person sees, and what other readers give.
            image = ImageOps.exif_transpose(opened)
        if deep or image.mode not in _EIGHT_BIT_MODES:
            deeper = "of 16 bits" if deep else f"mode {image.mode}"
            raise DataError(f"{deeper}: only images of 8 bits a channel are read")
        if image.has_transparency_data and image.convert("RGBA").getchannel("A").getextrema() != (255, 255):
            raise DataError("transparent: what a model would see is undefined; flatten it first")
        return Decoded(image.convert("RGB"), animated)


@contextmanager
def refusing(path: Path | BytesIO) -> Iterator[None]:
    """Turn whatever is raised about an image into a `DataError` with the reason, without the file's name."""
    try:
        yield
    except DataError:
        raise
    except Image.DecompressionBombError as error:
        raise DataError(
            f"too large to be safe (DecompressionBombError: {first_line(error)}); make it smaller"
        ) from error
    except UnidentifiedImageError as error:
        raise DataError(f"not a usable image (UnidentifiedImageError{_instead(path)})") from error
    except MemoryError as error:
        raise DataError("too large for this machine's memory; make it smaller") from error
    except Exception as error:  # decoders raise what they like: struct.error, KeyError, RecursionError, ...
        raise DataError(f"could not be decoded ({_told(error)}{_instead(path)})") from error


def _told(error: Exception) -> str:
    usual = isinstance(error, OSError | ValueError | SyntaxError)
    return first_line(error) if usual else f"{type(error).__name__}: {first_line(error)}"


def _instead(path: Path | BytesIO) -> str:
    """What the file is instead, in words, where its beginning tells."""
    if isinstance(path, BytesIO):
        return "" if path.getbuffer().nbytes else ": there is none in the row"
    if _is_not_read(path):
        return f": {path.suffix} files are not read; save it as PNG or JPEG"
    what = describe_content(path)
    return f": it is {what}" if what and not what.endswith(" image") else ""


def _is_not_read(path: Path | BytesIO) -> bool:
    return isinstance(path, Path) and path.suffix.lower() in NOT_READ


def _is_deep(opened: Image.Image) -> bool:
    """Whether a decoder cuts 16 bits a channel to 8, as Pillow does for color, without saying so."""
    return any(";16" in str(tile) for tile in getattr(opened, "tile", ()))
