"""Judge adversarial examples, whoever made them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from presoftmax.data import as_path
from presoftmax.errors import warn
from presoftmax.judging._notes import notes_on
from presoftmax.judging._pairs import pair
from presoftmax.judging.judged import Judged
from presoftmax.models import Classifier, as_source
from presoftmax.scores import NaturalReference
from presoftmax.strength import Examples, TransferPredictor, load_predictor, measure

__all__ = ["judge", "judge_examples"]


def judge(
    source: Any,
    clean: Any,
    adversarial: Any,
    labels: Any = None,
    *,
    victims: Any = (),
    surrogates: Any = (),
    predictor: TransferPredictor | str | Path | None = None,
    natural: NaturalReference | str | Path | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    ids: Sequence[str] | None = None,
    classes: Sequence[str] | None = None,
    scores: Any = (),
    batch_size: int = 16,
    progress: bool | None = None,
) -> Judged:
    """Say how strong adversarial examples really are.

        judged = ps.judge(net, images, adversarial, labels, victims={"vgg": vgg})
        judged              # a line and a small table; in a notebook the picture
        judged.save("out")  # the page, the figure, the tables

    Args:
        source: the model that they were made on: an ``nn.Module`` of [0, 1] images, a `Classifier`, or
            ``{"name": net}``; or a name, as ``presoftmax models`` lists them.
        clean: the images before the attack, ``(N, 3, H, W)``: uint8 or floats in [0, 1], a tensor or an array; an
            `ImageSet`; a ``DataLoader`` or a dataset of images and labels; a file of arrays or a folder of photos.
        adversarial: the images after it, likewise, in the same order.
        labels: true classes ``(N,)``, where ``clean`` holds none; the source's own answers to the clean images where
            there are none at all.
        victims: models that they are shown to: ``{"vgg": net}``, several, or one; likewise.
        surrogates: models that stand for those nobody can ask: they say how far each example is to be expected to fool
            one more (``expected_transfer`` of the table); given as victims are, none of them the source or a victim.
        predictor: a `TransferPredictor`, or its file: turns that into a probability.
        natural: what the source's logits look like on natural images (`NaturalReference`, or its file); the clean
            images stand in for it when left out.
        mean: per channel, where the source wants images normalized by them; the images are given as they are.
        std: likewise.
        ids: names of the examples; numbers when left out.
        classes: names of the classes, where the source does not know them.
        scores: scores of one's own, as further columns; see `presoftmax.scores.score`.
        batch_size: images shown at a time.
        progress: None: a bar on a terminal and in a notebook; True: lines in a log, too; False: nothing.

    Raises:
        DataError: images or labels that do not fit.
        ModelError: a model that does not answer with logits, or has another number of classes.
        TypeError: something that is no model.

    Warns:
        PresoftmaxWarning: what a careful reader would want to know, which `Judged.notes` holds too.
    """
    model = as_source(source)
    if mean is not None or std is not None or classes is not None:
        model = Classifier(
            model, name=model.name, mean=mean or (0, 0, 0), std=std or (1, 1, 1), classes=classes or model.classes
        )
    examples = pair(model, clean, adversarial, labels, ids)
    fitted = load_predictor(Path(predictor)) if isinstance(predictor, str | Path) else predictor
    judged = judge_examples(examples, model, victims, natural, scores, batch_size, progress, surrogates, fitted)
    for note in judged.notes:
        warn(note)
    return judged


def judge_examples(
    examples: Examples,
    source: Any,
    victims: Any = (),
    natural: NaturalReference | str | Path | None = None,
    scores: Any = (),
    batch_size: int = 16,
    progress: bool | None = None,
    surrogates: Any = (),
    predictor: TransferPredictor | None = None,
) -> Judged:
    """Judge pairs of images; see `judge`, which makes pairs of whatever one has, and warns."""
    model = as_source(source)
    if natural is not None and not isinstance(natural, NaturalReference):
        natural = NaturalReference.load(as_path(natural, "natural"))
    measured = measure(examples, model, victims, natural, batch_size, scores, progress, surrogates, predictor)
    return Judged(examples, measured, model.name, model.classes, tuple(notes_on(examples, measured)))
