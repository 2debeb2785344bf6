"""Measure finished adversarial examples on their source and on victims."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
import torch
from torch import Tensor

from presoftmax import numerics
from presoftmax.models import Classifier, Model, ask, check_same_classes, checked_logits, frozen
from presoftmax.scores import Facts, NaturalReference, compute
from presoftmax.strength.distortions import CHANNELS, rounding
from presoftmax.strength.examples import Examples
from presoftmax.strength.verdicts import verdict
from presoftmax.tracing import name_victims

__all__ = ["Measured", "measure"]

_SCORES = ("log_odds", "margin", "misclassification_log_odds", "true_margin", "best_group_log_odds")


@dataclass(frozen=True)
class Measured:
    """What was found.

    Attributes:
        strength: a row per example: ids, predictions, confidence and scores of its 8-bit image, norms, verdict, and its
            rank by the misclassification log-odds and by the confidence (1 is the strongest).
        transfers: a row per example and victim.
        survival: a row per example and channel: whether the source is still fooled.
        clean_accuracy: share of the clean images that the source gets right.
        off_lattice: largest distance of the given images from 8-bit ones, in grey levels.
    """

    strength: pl.DataFrame
    transfers: pl.DataFrame
    survival: pl.DataFrame
    clean_accuracy: float
    off_lattice: float


def measure(
    examples: Examples,
    source: Classifier,
    victims: Sequence[Model] = (),
    natural: NaturalReference | None = None,
    batch_size: int = 16,
) -> Measured:
    """Measure adversarial examples.

    Args:
        examples: the images.
        source: the model that they were made on.
        victims: models that they are shown to.
        natural: what the source's logits look like on natural images; the clean images stand in for them when left
            out (fitted where there are enough of them).
        batch_size: images shown at a time.

    Raises:
        ModelError: a model that does not answer with logits, or models with different numbers of classes.
        DataError: a label out of range, or a natural reference of another model.
    """
    labels = examples.clean.labels
    pixels = rounding(examples.adversarial)
    with torch.no_grad(), frozen(source, *victims):
        clean = _answers(source, examples.clean.images, batch_size)
        examples.clean.check_labels(clean.shape[1])
        answers = {
            name: _answers(source, channel(examples.adversarial), batch_size) for name, channel in CHANNELS.items()
        }
        # Images of 8 bits are their own rounding.
        whole = examples.adversarial.dtype == torch.uint8
        given = answers["rounding"] if whole else _answers(source, examples.adversarial, batch_size)
        shown = [_answers(victim, pixels, batch_size) for victim in victims]
    names = name_victims(source.name, victims)
    check_same_classes({source.name: clean.shape[1], **{n: z.shape[1] for n, z in zip(names, shown, strict=True)}})
    if natural is not None:
        natural.check(source.name, clean.shape[1])
    else:
        natural = _fitted(source.name, clean)
    strength = _strength(examples, pixels, clean, given, answers["rounding"], natural)
    survival = pl.concat(
        pl.DataFrame({"example": list(examples.clean.ids), "channel": name, "fooled": _wrong(z, labels)})
        for name, z in answers.items()
    )
    off = 0.0 if whole else float((examples.adversarial * 255 - pixels).abs().max())
    right = float((clean.argmax(dim=1) == labels).double().mean())
    return Measured(strength, _transfers(examples, names, shown), survival, right, off)


def _answers(model: Model, images: Tensor, batch_size: int) -> Tensor:
    device = getattr(model, "device", torch.device("cpu"))
    batches = torch.split(images, batch_size)
    first = checked_logits(model, batches[0].to(device)).cpu()
    return torch.cat([first, *(ask(model, batch.to(device)).cpu() for batch in batches[1:])])


def _fitted(name: str, clean: Tensor) -> NaturalReference | None:
    try:
        return NaturalReference.fit(name, clean)
    except ValueError:
        return None


def _wrong(logits: Tensor, labels: Tensor) -> list[bool]:
    finite = logits.isfinite().all(dim=1)
    wrong: list[bool] = (finite & (logits.argmax(dim=1) != labels)).tolist()
    return wrong


def _strength(
    examples: Examples, pixels: Tensor, clean: Tensor, given: Tensor, logits: Tensor, natural: NaturalReference | None
) -> pl.DataFrame:
    labels = examples.clean.labels
    facts = Facts(labels=labels, natural=natural)
    top = logits.topk(min(2, logits.shape[1]), dim=1).values
    size = (pixels.double() - examples.clean.images.double()).flatten(1)
    values: dict[str, Any] = {
        "example": list(examples.clean.ids),
        "label": labels.numpy(),
        "predicted_clean": clean.argmax(dim=1).numpy(),
        "predicted": logits.argmax(dim=1).numpy(),
        "fooled_as_given": _wrong(given, labels),
        "fooled": _wrong(logits, labels),
        "confidence_as_given": numerics.confidence(given.float()).numpy(),
        "confidence": numerics.confidence(logits.float()).numpy(),
        "ca1": top[:, 0].numpy(),
        "ca2": top[:, -1].numpy(),
        **{name: compute(name, logits, facts).numpy() for name in _SCORES},
        "true_probability": numerics.log_softmax(logits).exp().gather(1, labels[:, None])[:, 0].numpy(),
        "l0": (size != 0).sum(dim=1).numpy(),
        "l2": size.norm(dim=1).numpy(),
        "linf": size.abs().amax(dim=1).numpy(),
    }
    count = len(examples)
    largest = float(clean.amax()) if natural is None else natural.quantiles["ca1"]["1"]
    seen = count if natural is None else natural.images
    tail = [None] * count if natural is None else compute("tail", logits, facts).tolist()
    frame = pl.DataFrame(values).with_columns(
        pl.Series("log_tail_probability", [None if each is None else -each for each in tail], dtype=pl.Float64),
        pl.lit(largest, dtype=pl.Float64).alias("largest_natural_ca1"),
        pl.lit(seen, dtype=pl.Int64).alias("natural_images"),
    )
    said = [verdict(row) for row in frame.iter_rows(named=True)]
    return frame.with_columns(
        pl.Series("verdict", [kind for kind, _ in said]),
        pl.Series("because", [why for _, why in said]),
        pl.col("misclassification_log_odds").rank("min", descending=True).cast(pl.Int32).alias("rank"),
        pl.col("confidence").rank("min", descending=True).cast(pl.Int32).alias("rank_by_confidence"),
    )


def _transfers(examples: Examples, names: Sequence[str], shown: Sequence[Tensor]) -> pl.DataFrame:
    labels = examples.clean.labels
    parts = [
        pl.DataFrame(
            {
                "example": list(examples.clean.ids),
                "victim": name,
                "predicted": logits.argmax(dim=1).numpy(),
                "confidence": numerics.confidence(logits.float()).numpy(),
                "misclassified": _wrong(logits, labels),
            }
        )
        for name, logits in zip(names, shown, strict=True)
    ]
    kinds = {"example": pl.String, "victim": pl.String, "predicted": pl.Int64, "confidence": pl.Float32,
             "misclassified": pl.Boolean}  # fmt: skip
    return pl.concat(parts) if parts else pl.DataFrame(schema=kinds)
