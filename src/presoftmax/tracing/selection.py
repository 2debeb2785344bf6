"""The images that every model gets right before the attack: only these say something about it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from presoftmax.data import ImageSet, Skipped, nothing_usable
from presoftmax.errors import DataError
from presoftmax.models import Model, as_model, check_same_classes, checked_logits, frozen
from presoftmax.printing import Printed
from presoftmax.tracing._arguments import whole

__all__ = ["Selection", "are_right", "clean_logits", "select_correct"]


@dataclass(frozen=True, repr=False)
class Selection(Printed):
    """What was kept, and what it was kept from.

    Attributes:
        images: the images that every model classifies correctly.
        looked_at: how many images were shown to the models.
        correct: per model, how many of them it classified correctly.
        not_finite: per model, for how many of them it returned NaN or infinity (never kept).
        skipped: images that could not be read.
        num_classes: how many classes the models have.
    """

    images: ImageSet
    looked_at: int
    correct: dict[str, int]
    not_finite: dict[str, int]
    skipped: tuple[Skipped, ...]
    num_classes: int


def select_correct(
    pieces: ImageSet | Iterable[ImageSet], models: Any, limit: int | None = None, batch_size: int = 32
) -> Selection:
    """Keep the images that all models classify correctly.

    Args:
        pieces: a set of images, or several, looked at one after the other (a generator need not decode what is not
            needed).
        models: all of the same number of classes; several, or one, each as for `presoftmax.models.as_model`.
        limit: stop once so many are found.
        batch_size: images shown to a model at a time.

    Raises:
        DataError: a label out of range, or no image is left.
        ModelError: a model that does not answer with logits, or models with different numbers of classes.
        TypeError: something that is no set of images, no model or no number.
    """
    several = isinstance(models, Iterable) and not isinstance(models, nn.Module | str)
    looking = tuple(map(as_model, models if several else [models]))
    batch_size = whole("batch_size", batch_size, least=1)
    limit = None if limit is None else whole("limit", limit, least=1)
    kept: list[ImageSet] = []
    skipped: list[Skipped] = []
    looked_at = num_classes = 0
    correct = dict.fromkeys((model.name for model in looking), 0)
    not_finite = dict(correct)
    for piece in [pieces] if isinstance(pieces, ImageSet) else pieces:
        if not isinstance(piece, ImageSet):
            raise TypeError(f"pieces: expected an ImageSet, or several, got {type(piece).__name__}")
        skipped += piece.skipped
        for batch in piece.batches(batch_size):
            right = torch.ones(len(batch), dtype=torch.bool)
            for model, logits in zip(looking, clean_logits(looking, batch), strict=True):
                num_classes = logits.shape[1]
                hit = are_right(logits, batch.labels)
                correct[model.name] += int(hit.sum())
                not_finite[model.name] += int((~logits.isfinite().all(dim=1)).sum())
                right &= hit
            looked_at += len(batch)
            kept.append(batch.select(right.nonzero()[:, 0].tolist()))
            if limit is not None and sum(map(len, kept)) >= limit:
                break
        else:
            continue
        break
    found = [batch for batch in kept if len(batch)]
    if not found:
        raise DataError(_nothing_left(looked_at, correct, skipped))
    images = ImageSet.concatenate("the selected images", found)
    images = images.select(range(min(len(images), limit or len(images))))
    return Selection(images, looked_at, correct, not_finite, tuple(skipped), num_classes)


def are_right(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Whether logits ``(N, M)`` are finite and right, ``(N,)``."""
    return logits.isfinite().all(dim=1) & (logits.argmax(dim=1) == labels)


def clean_logits(models: Sequence[Model], batch: ImageSet) -> list[torch.Tensor]:
    """Each model's logits ``(N, M)`` of a batch, on the CPU, once it is seen that they and the labels fit together.

    Raises:
        DataError: a label out of range.
        ModelError: a model that does not answer with logits, or models with different numbers of classes.
    """
    with frozen(*models):
        shown = [checked_logits(model, batch.images).cpu() for model in models]
    check_same_classes({model.name: logits.shape[1] for model, logits in zip(models, shown, strict=True)})
    batch.check_labels(shown[0].shape[1])
    return shown


def _nothing_left(looked_at: int, correct: dict[str, int], skipped: Sequence[Skipped]) -> str:
    if looked_at == 0:
        return nothing_usable(skipped)
    counts = ", ".join(f"{name} {count}" for name, count in correct.items())
    return f"none of {looked_at} images is classified correctly by every model (correct: {counts})"
