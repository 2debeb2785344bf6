"""Put a model under guard, and check images with it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from presoftmax.data import ImageSet, Skipped, as_path, check_location, nothing_usable
from presoftmax.defense import Guard, answers_of, load_guard, make_detector, p_values, save_guard, smallest_rate
from presoftmax.errors import DataError, RunError
from presoftmax.models import absolute_name, load_victim
from presoftmax.printing import Printed
from presoftmax.workflows._natural_images import image_pieces

__all__ = ["CheckedImages", "FittedGuard", "check_images", "fit_guard"]

RECOMMENDED = 1000
"""Natural images from which the false-positive rate is what it says, within a third or so."""
_USUAL_RATE = 0.01


@dataclass(frozen=True, repr=False)
class FittedGuard(Printed):
    """A guard that was fitted and written.

    Attributes:
        path: its file.
        guard: itself.
        images: natural images that it was fitted on and calibrated with.
        notes: what a careful reader would want to know, in sentences.
        skipped: images that could not be read.
    """

    path: Path
    guard: Guard
    images: int
    notes: tuple[str, ...]
    skipped: tuple[Skipped, ...]

    def values(self) -> dict[str, Any]:
        """What ``--json`` prints."""
        rate = self.guard.false_positives
        return {
            "guard": str(self.path),
            "model": self.guard.model.name,
            "detector": self.guard.detector.kind,
            "passes": len(self.guard.detector.views),
            "images": self.images,
            "fpr": self.guard.fpr,
            "fpr_interval": [rate.low, rate.high],
            "threshold": float(self.guard.threshold),
            "skipped": len(self.skipped),
            "notes": list(self.notes),
        }


@dataclass(frozen=True, repr=False)
class CheckedImages(Printed):
    """What a guard says of images.

    Attributes:
        guard: that was asked.
        ids: of the images.
        predicted: top class of each ``(N,)``.
        confidence: its softmax probability.
        p_value: how rare at least the image's logits are among natural ones.
        flagged: whether that is too rare.
        skipped: images that could not be read.
    """

    guard: Guard
    ids: tuple[str, ...]
    predicted: Tensor
    confidence: Tensor
    p_value: Tensor
    flagged: Tensor
    skipped: tuple[Skipped, ...]

    def rows(self) -> list[dict[str, Any]]:
        """One for each image."""
        names = self.guard.model.classes
        return [
            {
                "example": name,
                "predicted": int(self.predicted[i]),
                "class": names[int(self.predicted[i])] if names else None,
                "confidence": float(self.confidence[i]),
                "p_value": float(self.p_value[i]),
                "flagged": bool(self.flagged[i]),
            }
            for i, name in enumerate(self.ids)
        ]

    def values(self) -> dict[str, Any]:
        """What ``--json`` prints."""
        return {
            "model": self.guard.model.name,
            "detector": self.guard.detector.kind,
            "fpr": self.guard.fpr,
            "flagged": int(self.flagged.sum()),
            "images": self.rows(),
            "skipped": [{"file": each.file, "reason": each.reason} for each in self.skipped],
        }


def fit_guard(
    model: str,
    images: str | Path,
    out: str | Path,
    detector: str = "fisher",
    fpr: float | None = None,
    device: str | None = None,
) -> FittedGuard:
    """Fit a detector on natural images of a model and write the guard.

    Args:
        model: its name.
        images: natural images: a folder, a file of arrays, or ``"samples"``.
        out: ``.json`` or ``.safetensors`` to write; there must be none yet.
        detector: a name, or several with plus signs between them, as for `presoftmax.defense.make_detector`.
        fpr: share of natural images that may be flagged; 1 %, or the smallest that so many images can set.
        device: where the model runs.

    Raises:
        DataError: too few images for the detector or the rate.
        ModelError: no such model.
        RunError: the file exists.
    """
    out = as_path(out, "out")
    if out.exists():
        raise RunError(f"{out}: exists already; give another file with --out")
    if out.suffix not in (".json", ".safetensors"):
        raise DataError(f"{out}: a guard is written as .json or .safetensors")
    made = make_detector(detector)
    check_location(images, None)
    looked = load_victim(model, device)
    natural = _read(images, looked)
    made.fit(looked, natural)
    rate, notes = _rate(fpr, len(made.calibration))
    guard = Guard(looked, made, rate)
    count = len(natural)
    if count < RECOMMENDED:
        found = guard.false_positives
        notes.append(
            f"{count} natural images: of others it may flag {100 * found.low:.1f} to {100 * found.high:.1f} %; "
            f"{RECOMMENDED:,} or more are recommended"
        )
    height, width = natural.images.shape[-2:]
    save_guard(guard, out, (int(height), int(width)), detector, absolute_name(model), str(images))
    return FittedGuard(out, guard, count, tuple(notes), natural.skipped)


def check_images(
    images: str | Path, guard: str | Path, model: str | None = None, device: str | None = None
) -> CheckedImages:
    """Ask a guard about images.

    Args:
        images: a folder, a file of arrays, ``"samples"``, or a single image.
        guard: file of `fit_guard`.
        model: name of the model, where it is not the one that the file names.
        device: where the model runs.

    Raises:
        DataError: images or a guard that cannot be used.
    """
    check_location(images, None)
    loaded = load_guard(guard, None if model is None else load_victim(model, device))
    given = _read(images, loaded.model)
    views = loaded.detector.views
    logits = answers_of(loaded.model, given, views)
    statistics = loaded.detector.score(logits=logits)
    top = torch.softmax(logits[0], dim=1).max(dim=1)
    return CheckedImages(
        guard=loaded,
        ids=given.ids,
        predicted=top.indices,
        confidence=top.values,
        p_value=p_values(loaded.detector.calibration, statistics),
        flagged=~(statistics <= float(loaded.threshold)),
        skipped=given.skipped,
    )


def _read(images: str | Path, model: Any) -> ImageSet:
    pieces = list(image_pieces(images, model))
    if not any(map(len, pieces)):
        raise DataError(nothing_usable([entry for piece in pieces for entry in piece.skipped]))
    return ImageSet.concatenate(str(images), pieces)


def _rate(fpr: float | None, calibration: int) -> tuple[float, list[str]]:
    """The rate, and what is said of one that is not the usual."""
    smallest = smallest_rate(calibration)
    if fpr is not None or smallest <= _USUAL_RATE:
        return (_USUAL_RATE if fpr is None else fpr), []
    said = f"so few images can set no threshold for 1 %: it is set for {100 * smallest:.2g} %, the smallest they can"
    return smallest, [said]
