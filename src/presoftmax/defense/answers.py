"""A model's logits of several views of images."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from presoftmax.attacks import Draws, Identity, View, to_floats, to_pixels
from presoftmax.data import ImageSet, as_images
from presoftmax.errors import DataError
from presoftmax.models import Classifier, Model, as_model, ask, frozen

__all__ = ["answers_of", "joined_views", "pixels_of", "rows_of"]

_BATCH_PIXELS = 16 * 224 * 224


def answers_of(model: Any, images: Any, views: Sequence[View], seed: int = 0) -> Tensor:
    """Logits float64 ``(V, N, M)`` of every view of images, without gradient.

    Args:
        model: a `Classifier`, an ``nn.Module`` of [0, 1] images, a callable from uint8 images, or a name.
        images: uint8 or [0, 1] floats ``(N, 3, H, W)``, or an `ImageSet`.
        views: what the model is shown. A callable that takes uint8 images is shown them rounded.
        seed: of views that draw.
    """
    looked, pixels = as_model(model), pixels_of(images)
    if len(pixels) == 0:
        raise DataError("no images")
    size = max(1, _BATCH_PIXELS // (pixels.shape[-1] * pixels.shape[-2]))
    with torch.no_grad(), frozen(looked):
        parts = [_answers(looked, pixels[i : i + size], views, seed, i) for i in range(0, len(pixels), size)]
    return torch.cat(parts, dim=1)


def pixels_of(images: Any) -> Tensor:
    """The images as uint8 ``(N, 3, H, W)``."""
    given = images.images if isinstance(images, ImageSet) else as_images(images).pixels
    return given if given.dtype == torch.uint8 else to_pixels(given)


def _answers(model: Model, pixels: Tensor, views: Sequence[View], seed: int, start: int) -> Tensor:
    draws = [f"{start + i}" for i in range(len(pixels))]
    shown = pixels.to(model.device)
    floats = to_floats(shown)
    found = []
    for number, view in enumerate(views):
        copies = view(floats, Draws(seed, draws, 0, number))
        answer = ask(model, copies if isinstance(model, Classifier) else to_pixels(copies))
        found.append(answer.double().cpu())
    return torch.stack(found)


def joined_views(*several: Sequence[View]) -> tuple[View, ...]:
    """Every view that any of them has, once, the image itself first."""
    joined: list[View] = [Identity()]
    for views in several:
        joined += [view for view in views if view not in joined]
    return tuple(joined)


def rows_of(views: Sequence[View], among: Sequence[View]) -> list[int]:
    """Where the views are among others."""
    return [list(among).index(view) for view in views]
