"""Images as numbers, brought to one form, where only one reading is possible."""

from pathlib import Path

import torch
from torch import Tensor

from presoftmax.data._stored import refuse_size
from presoftmax.errors import DataError

__all__ = ["as_grey_levels", "as_images", "described"]

_CHANNELS = 3
_SLACK = 1e-4
"""How far beyond [0, 1] floats may be: rounding of whoever made them."""
_ON_THE_LATTICE = 0.1
"""Grey levels that a float may be off a whole one, and still stand for it: what float16 costs."""


def described(values: Tensor) -> str:
    """Number format and shape, as messages show them: ``float32 (4, 3, 6, 6)``."""
    return f"{str(values.dtype).removeprefix('torch.')} {tuple(values.shape)}"


def as_images(where: str, values: Tensor) -> Tensor:
    """Images uint8 or float32 in [0, 1] ``(N, 3, H, W)``.

    Channels may come last; gray images get three equal channels; whole numbers from 0 to 255 are grey levels.

    Args:
        where: what they are, for messages.
        values: the numbers.

    Raises:
        DataError: no images, another shape, other numbers, or NaN.
    """
    return _in_range(where, _channels_first(where, values))


def as_grey_levels(where: str, images: Tensor) -> Tensor:
    """Images of `as_images` as uint8: floats in [0, 1] that stand for grey levels become those, others are refused."""
    if images.dtype == torch.uint8:
        return images
    grey = images * 255
    off = float((grey - grey.round()).abs().max())
    if off > _ON_THE_LATTICE:
        raise DataError(
            f"{where}: float images up to {off:.2f} grey levels off the 8-bit ones, which are wanted here; round them: "
            "(images * 255).round().to(torch.uint8)"
        )
    return grey.round().to(torch.uint8)


def _channels_first(where: str, values: Tensor) -> Tensor:
    shape = tuple(values.shape)
    if values.numel() == 0:
        raise DataError(f"{where}: images {shape}: there is no image in it")
    if len(shape) == 3:
        values = _gray_or_refused(where, values)
    first, last = (values.shape[1], values.shape[3]) if values.ndim == 4 else (0, 0)
    if first != _CHANNELS and (last == _CHANNELS or (first != 1 and last == 1)):
        values = values.permute(0, 3, 1, 2)
    if values.ndim == 4 and values.shape[1] == 1:
        refuse_size(Path(where), "the images, in three channels", 3 * values.numel() * values.element_size())
        values = values.expand(-1, _CHANNELS, -1, -1)
    if values.ndim != 4 or values.shape[1] != _CHANNELS:
        hint = _shape_hint(shape)
        raise DataError(f"{where}: images {shape}; expected (N, 3, H, W) or (N, H, W, 3){hint}")
    return values.contiguous()


def _gray_or_refused(where: str, values: Tensor) -> Tensor:
    """``(N, H, W)`` as gray images, unless it may as well be one image."""
    shape = tuple(values.shape)
    if shape[0] == _CHANNELS or shape[2] in (_CHANNELS, 1):
        raise DataError(
            f"{where}: images {shape}: one image, or {shape[0]} gray ones? Give it four axes: images[None] for one "
            "image, images[:, None] for gray ones"
        )
    return values[:, None]


def _shape_hint(shape: tuple[int, ...]) -> str:
    if len(shape) == 4 and 4 in (shape[1], shape[3]):
        return "; leave out the fourth channel, the transparency"
    if len(shape) == 4 and 2 in (shape[1], shape[3]):
        return "; leave out the second channel, the transparency"
    if len(shape) == 5:
        return "; one set of images, not several"
    if len(shape) == 2:
        return "; flat images have lost their height and width: images.reshape(N, 3, H, W)"
    return ""


def _in_range(where: str, values: Tensor) -> Tensor:
    kind = str(values.dtype).removeprefix("torch.")
    if values.dtype == torch.uint8:
        return values
    if values.dtype == torch.bool:
        raise DataError(f"{where}: images of bool; expected uint8, or floats in [0, 1]: 255 * images.to(torch.uint8)?")
    if not values.is_floating_point():
        values = values.to(torch.int64)
        least, most = (int(each) for each in values.aminmax())
        if least < 0 or not 1 < most <= 255:
            raise DataError(f"{where}: images of {kind} from {least} to {most}; expected uint8, or floats in [0, 1]")
        return values.to(torch.uint8)
    values = values.float()
    bad = ~values.isfinite().flatten(1).all(dim=1)
    if bad.any():
        first = int(bad.nonzero()[0])
        raise DataError(f"{where}: NaN or infinity in {int(bad.sum())} of {len(bad)} images, the first: image {first}")
    low, high = (float(each) for each in values.aminmax())
    if not (low >= -_SLACK and high <= 1 + _SLACK):
        hint = (
            "; divide by 255, or store them as uint8"
            if high > 2
            else "; undo the normalization first, and give mean= and std= with the model"
        )
        raise DataError(f"{where}: float images from {low:.3g} to {high:.3g}, expected [0, 1]{hint}")
    return values.clamp(0, 1)
