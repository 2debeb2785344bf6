"""Pairs of clean and adversarial images, of whatever one has them in."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from presoftmax.data import ImageSet, as_images, as_labels
from presoftmax.models import Classifier, checked_logits, frozen
from presoftmax.strength import Examples, read_examples, rounding

__all__ = ["pair"]

_BATCH = 64


def pair(source: Classifier, clean: Any, adversarial: Any, labels: Any, ids: Sequence[str] | None) -> Examples:
    """Pairs with labels: those given, those that lie with the clean images, else the source's own answers.

    Raises:
        DataError: what cannot be read, or does not fit together.
    """
    if isinstance(clean, str | Path) and isinstance(adversarial, str | Path):
        table = Path(labels) if isinstance(labels, str | Path) else None
        if labels is None or table is not None:
            return read_examples(Path(adversarial), Path(clean), table, source.preprocessing, source.classes)
    before, after = as_images(clean, "clean"), as_images(adversarial, "adversarial")
    pixels = rounding(before.pixels)
    known = before.labels if labels is None else as_labels(labels)
    notes: tuple[str, ...] = ()
    if known is None:
        known = _own_answers(source, pixels)
        notes = ("no labels were given: the source's own answers to the clean images count as true",)
    names = ids or before.ids or [f"{i:05d}" for i in range(len(pixels))]
    return Examples(after.pixels, ImageSet.from_arrays(pixels, known, names), notes)


def _own_answers(source: Classifier, pixels: Tensor) -> Tensor:
    with torch.no_grad(), frozen(source):
        return torch.cat(
            [
                checked_logits(source, batch.to(source.device)).argmax(dim=1).cpu()
                for batch in torch.split(pixels, _BATCH)
            ]
        )
