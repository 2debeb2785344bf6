"""An audit of one model on natural images: a folder with its page, its logits' range and the reference they give."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from presoftmax.data import (
    UNKNOWN,
    ImageSet,
    Skipped,
    as_path,
    check_location,
    nothing_usable,
)
from presoftmax.errors import DataError
from presoftmax.models import Classifier, checked_logits, frozen, load_model
from presoftmax.printing import Printed
from presoftmax.report import audit_sentences, write_audit
from presoftmax.scores import NaturalReference, Trust, assess
from presoftmax.storage import RunFolder, versions
from presoftmax.workflows._natural_images import image_pieces

__all__ = ["Audit", "run_audit"]

_BATCH = 16


@dataclass(frozen=True, repr=False)
class Audit(Printed):
    """A finished audit: its folder, what ``--json`` prints, what was found, in sentences, and what was not read."""

    folder: Path
    summary: dict[str, Any]
    sentences: tuple[str, ...]
    skipped: tuple[Skipped, ...] = ()


def run_audit(
    model: str, images: str | Path, labels: str | Path | None, device: str | None, out: str | Path | None
) -> Audit:
    """Audit a model on images, and write ``out``.

    They are a folder, a file of arrays, or ``"samples"`` (``"samples:cifar10"``). The accuracy is told where there are
    labels: a table of a folder's, or those in the file.

    The folder gets ``audit.html``, ``run.json``, the figure, and ``natural.json``, a `NaturalReference`, where there
    are enough images for one. Left out, it is ``presoftmax-runs/audit-DATE-TIME``.

    Raises:
        PresoftmaxError: a model, images or an output folder that cannot be used.
    """
    check_location(images, labels)
    with RunFolder.making(None if out is None else as_path(out, "out"), "audit") as folder:
        classifier = load_model(model, device)
        logits, truth, skipped = _look(classifier, image_pieces(images, classifier, labels))
        known = truth if bool((truth != UNKNOWN).all()) else None
        trust = assess(logits, known)
        reference = _reference(folder, classifier.name, logits)
        sentences = audit_sentences(classifier.name, trust)
        summary = _summary(classifier.name, trust, folder.path, reference)
        write_audit(folder, logits, summary, sentences)
        settings = {"images": str(images), "labels": labels and str(labels), "device": str(classifier.device)}
        skips = [asdict(entry) for entry in skipped]
        folder.write_summary({**summary, "settings": settings, "skipped": skips, "versions": versions()})
        return Audit(folder.path, summary, sentences, tuple(skipped))


def _look(classifier: Classifier, pieces: Iterator[ImageSet]) -> tuple[Tensor, Tensor, list[Skipped]]:
    """Logits ``(N, M)`` and labels ``(N,)`` of all images, which themselves are not kept."""
    logits: list[Tensor] = []
    labels: list[Tensor] = []
    skipped: list[Skipped] = []
    with frozen(classifier):
        for piece in pieces:
            skipped += piece.skipped
            for batch in piece.batches(_BATCH):
                logits.append(checked_logits(classifier, batch.images).cpu())
                labels.append(batch.labels)
                if bool((batch.labels != UNKNOWN).any()):
                    batch.check_labels(logits[-1].shape[1])
    if not logits:
        raise DataError(nothing_usable(skipped))
    return torch.cat(logits), torch.cat(labels), skipped


def _reference(folder: RunFolder, model: str, logits: Tensor) -> Path | None:
    """Fit and save the reference; None where there are too few images."""
    try:
        reference = NaturalReference.fit(model, logits)
    except DataError:
        return None
    path = folder.path / "natural.json"
    reference.save(path)
    return path


def _summary(model: str, trust: Trust, out: Path, reference: Path | None) -> dict[str, Any]:
    return {"model": model, **asdict(trust), "reference": reference and str(reference), "run": str(out)}
