"""Measure finished adversarial examples on their source and on victims."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import polars as pl
import torch
from torch import Tensor

from presoftmax import numerics
from presoftmax.analysis.prediction import CLEAN_VICTIM
from presoftmax.attacks import Goal
from presoftmax.errors import DataError
from presoftmax.models import Classifier, Model, as_source, as_victims, ask, check_same_classes, checked_logits, frozen
from presoftmax.printing import Printed
from presoftmax.progress import Bar
from presoftmax.scores import Facts, NaturalReference, Score, as_scores, compute, ranges
from presoftmax.strength.distortions import DISTORTIONS, rounding
from presoftmax.strength.examples import Examples
from presoftmax.strength.predictor import Predicted, TransferPredictor
from presoftmax.strength.surrogates import SurrogateAnswers, as_surrogates, ask_surrogates, passes_of
from presoftmax.strength.verdicts import verdict
from presoftmax.tables import (
    NATURAL,
    STRENGTH,
    SURVIVAL,
    TRANSFERS,
    perturbation_record,
    polars_schema,
    rows_of,
    step_record,
    transfer_record,
    with_scores,
)

__all__ = ["MeasuredExamples", "measure"]


@dataclass(frozen=True, repr=False)
class MeasuredExamples(Printed):
    """What was found; the columns are in `presoftmax.schema`.

    Attributes:
        strength: a row per example: ids, predictions, confidence and scores of its 8-bit image, norms, verdict, and,
            among the adversarial ones, its rank by the misclassification log-odds and by the confidence (1 is the
            strongest).
        transfers: a row per example and victim; of an iteration, or of an attack, nothing is known.
        survival: a row per example and distortion: whether the source is still fooled.
        natural: a row per clean image and model, the source's first.
        natural_ranges: per score that has a natural range (``ca1``, ``log_odds``, ...), the quantiles of natural
            images, by the probability as text.
        surrogates: what the surrogates said; None where there are none.
        predicted: the probability of transfer by a fitted predictor; None without one.
        clean_accuracy: share of the clean images that the source gets right.
        off_lattice: largest distance of the given images from 8-bit ones, in grey levels.
    """

    strength: pl.DataFrame
    transfers: pl.DataFrame
    survival: pl.DataFrame
    natural: pl.DataFrame
    natural_ranges: Mapping[str, Mapping[str, float]]
    surrogates: SurrogateAnswers | None
    predicted: Predicted | None
    clean_accuracy: float
    off_lattice: float


@dataclass(frozen=True)
class _SourceLogits:
    """The source's logits ``(N, M)`` of the clean images, of the given ones, and of those after each distortion."""

    clean: Tensor
    given: Tensor
    distorted: dict[str, Tensor]

    @property
    def rounded(self) -> Tensor:
        return self.distorted["rounding"]


def measure(
    examples: Examples,
    source: Any,
    victims: Any = (),
    natural: NaturalReference | None = None,
    batch_size: int = 16,
    scores: Any = (),
    progress: bool | None = False,
    surrogates: Any = (),
    predictor: TransferPredictor | None = None,
) -> MeasuredExamples:
    """Measure adversarial examples.

    Args:
        examples: the images.
        source: the model that they were made on, a `Classifier` or an ``nn.Module`` of [0, 1] images.
        victims: models that they are shown to; ``{"vgg": net}``, several, or one.
        natural: what the source's logits look like on natural images; the clean images stand in for them when left
            out (fitted where there are enough of them).
        batch_size: images shown at a time.
        scores: scores of one's own, as further columns; see `presoftmax.scores.score`.
        progress: as for `presoftmax.judge`.
        surrogates: models that stand for those nobody can ask, given as victims are; none of them the source or a
            victim.
        predictor: turns what is known into a probability; needs surrogates.

    Raises:
        ModelError: a model that does not answer with logits, or models with different numbers of classes.
        DataError: a label out of range, or a natural reference of another model.
    """
    own = as_scores(scores, taken=[column.name for column in STRENGTH])
    source = as_source(source)
    shown_to = as_victims(victims, taken=[source.name])
    pixels = rounding(examples.adversarial)
    asked = as_surrogates(surrogates, source, shown_to)
    _check_predictor(predictor, asked)
    whole = examples.adversarial.dtype == torch.uint8
    looks = 1 + len(DISTORTIONS) + (not whole) + 2 * len(shown_to) + passes_of(asked)
    networks = (source, *shown_to.values(), *asked.values())
    with torch.no_grad(), frozen(*networks), Bar("judging", looks * len(examples), progress) as bar:
        look = partial(_logits, batch_size=batch_size, bar=bar)
        logits = _source_logits(examples, source, look)
        if predictor is not None:
            predictor.check(logits.clean.shape[1])
        shown = {name: look(victim, pixels) for name, victim in shown_to.items()}
        before = {name: look(victim, examples.clean.images) for name, victim in shown_to.items()}
        answers = _ask(asked, source, examples, pixels, logits, look)
    classes = logits.clean.shape[1]
    check_same_classes({source.name: classes, **{name: each.shape[1] for name, each in shown.items()}})
    if natural is not None:
        natural.check(source.name, classes)
    else:
        natural = _fitted(source.name, logits.clean)
    predicted = None if predictor is None or answers is None else predictor.predict(answers.known, classes)
    spread = ranges(logits.clean) if natural is None else natural.quantiles
    return MeasuredExamples(
        strength=_strength(examples, pixels, logits, natural, spread["ca1"]["1"], own)
        .with_columns(_of_surrogates(answers, predicted))
        .with_columns(_rank("expected_transfer", "rank_by_expected_transfer")),
        transfers=_transfers(examples, source.name, shown),
        survival=_survival(examples, logits.distorted),
        natural=_natural_rows(examples, {source.name: logits.clean, **before}),
        natural_ranges=spread,
        surrogates=answers,
        predicted=predicted,
        clean_accuracy=float((logits.clean.argmax(dim=1) == examples.clean.labels).double().mean()),
        off_lattice=0.0 if whole else float((examples.adversarial * 255 - pixels).abs().max()),
    )


def _check_predictor(predictor: TransferPredictor | None, surrogates: Mapping[str, Model]) -> None:
    if predictor is None:
        return
    if not surrogates:
        raise DataError("a predictor needs surrogates: models that are asked in place of the victim")
    if CLEAN_VICTIM in predictor.columns:
        raise DataError("the predictor needs a victim's answers to the clean images; fit one without --clean-victim")
    if predictor.criterion != "misclassified":
        raise DataError(
            f"the predictor is of {predictor.criterion} transfer; the targets of finished examples are not known"
        )


def _ask(
    surrogates: Mapping[str, Model],
    source: Classifier,
    examples: Examples,
    pixels: Tensor,
    logits: "_SourceLogits",
    look: Callable[[Model, Tensor], Tensor],
) -> SurrogateAnswers | None:
    clean = examples.clean
    pair = (logits.clean, logits.rounded)
    return ask_surrogates(surrogates, source, pixels, clean.images, clean.labels, pair, look) if surrogates else None


def _of_surrogates(answers: SurrogateAnswers | None, predicted: Predicted | None) -> list[pl.Series]:
    """The columns that surrogates and a predictor fill; nulls stay where there are none."""
    found: list[pl.Series] = []
    if answers is not None:
        found.append(pl.Series("expected_transfer", answers.expected, nan_to_null=True))
    if predicted is not None:
        values = {"": predicted.probability, "_low": predicted.low, "_high": predicted.high}
        found += [pl.Series(f"transfer_probability{end}", each) for end, each in values.items()]
        found.append(pl.Series("outside_fit", predicted.outside))
    return found


def _source_logits(examples: Examples, source: Classifier, look: Callable[[Model, Tensor], Tensor]) -> _SourceLogits:
    clean = look(source, examples.clean.images)
    examples.clean.check_labels(clean.shape[1])
    distorted = {name: look(source, distortion(examples.adversarial)) for name, distortion in DISTORTIONS.items()}
    # Images of 8 bits are their own rounding.
    whole = examples.adversarial.dtype == torch.uint8
    given = distorted["rounding"] if whole else look(source, examples.adversarial)
    return _SourceLogits(clean, given, distorted)


def _logits(model: Model, images: Tensor, batch_size: int, bar: Bar) -> Tensor:
    found: list[Tensor] = []
    for batch in torch.split(images, batch_size):
        answer = ask if found else checked_logits
        found.append(answer(model, batch.to(model.device)).cpu())
        bar.advance(len(batch), model.name)
    return torch.cat(found)


def _fitted(name: str, clean: Tensor) -> NaturalReference | None:
    try:
        return NaturalReference.fit(name, clean)
    except DataError:
        return None


def _wrong(logits: Tensor, labels: Tensor) -> Tensor:
    finite = logits.isfinite().all(dim=1)
    return finite & (logits.argmax(dim=1) != labels)


def _strength(
    examples: Examples,
    pixels: Tensor,
    logits: _SourceLogits,
    natural: NaturalReference | None,
    largest_natural: float,
    own: Sequence[Score],
) -> pl.DataFrame:
    labels, count = examples.clean.labels, len(examples)
    facts = Facts(labels=labels, natural=natural)
    record = {
        **step_record(logits.rounded, Goal.of(labels)),
        **{score.name: score(logits.rounded, facts) for score in own if score.can_be_told(facts)},
        **perturbation_record(pixels, examples.clean.images, examples.clean.images),
        "predicted_clean": logits.clean.argmax(dim=1),
        "fooled_as_given": _wrong(logits.given, labels),
        "fooled": _wrong(logits.rounded, labels),
        "confidence_as_given": numerics.confidence(logits.given.float()),
        "true_probability": numerics.log_softmax(logits.rounded).exp().gather(1, labels[:, None])[:, 0],
        "largest_natural_ca1": torch.full((count,), largest_natural, dtype=torch.float64),
        "natural_images": torch.full((count,), count if natural is None else natural.images),
    }
    if natural is not None:
        record["log_tail_probability"] = -compute("tail", logits.rounded, facts)
    frame = rows_of(with_scores(STRENGTH, own), record, examples.clean.ids, [0] * count, {})
    said = [verdict(row) for row in frame.iter_rows(named=True)]
    return frame.with_columns(
        pl.Series("verdict", [each.level for each in said], dtype=pl.String),
        pl.Series("because", [each.because for each in said], dtype=pl.String),
        *(
            pl.Series(name, [getattr(each, name) for each in said], dtype=pl.Boolean)
            for name in ("adversarial", "over_optimized", "disguised")
        ),
    ).with_columns(_rank("misclassification_log_odds", "rank"), _rank("confidence", "rank_by_confidence"))


def _rank(column: str, name: str) -> pl.Expr:
    """Ranks among the adversarial images; the others have none."""
    values = pl.when("adversarial").then(column)
    return values.rank("min", descending=True).cast(pl.Int32).alias(name)


def _survival(examples: Examples, distorted: dict[str, Tensor]) -> pl.DataFrame:
    ids, labels = list(examples.clean.ids), examples.clean.labels
    return pl.concat(
        pl.DataFrame(
            {"example": ids, "distortion": name, "fooled": _wrong(logits, labels).numpy()},
            schema=polars_schema(SURVIVAL),
        )
        for name, logits in distorted.items()
    )


def _natural_rows(examples: Examples, clean: dict[str, Tensor]) -> pl.DataFrame:
    goal = Goal.of(examples.clean.labels)
    parts = [
        rows_of(NATURAL, step_record(logits, goal), examples.clean.ids, None, {"model": name})
        for name, logits in clean.items()
    ]
    return pl.concat(parts)


def _transfers(examples: Examples, source: str, shown: dict[str, Tensor]) -> pl.DataFrame:
    goal = Goal.of(examples.clean.labels)
    parts = [
        rows_of(TRANSFERS, transfer_record(logits, goal), examples.clean.ids, None, {"source": source, "victim": name})
        for name, logits in shown.items()
    ]
    return pl.concat(parts) if parts else pl.DataFrame(schema=polars_schema(TRANSFERS))
