"""Judge a set of adversarial images: a folder with its page, its tables, and a verdict on each."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from presoftmax.data import as_path
from presoftmax.errors import DataError
from presoftmax.judging import Judged, judge_examples
from presoftmax.models import load_model, load_victim, table_names
from presoftmax.printing import Printed
from presoftmax.scores import NaturalReference, load_scores
from presoftmax.storage import RunFolder
from presoftmax.strength import load_predictor, read_examples

__all__ = ["ScoreSettings", "Scoring", "run_scoring"]


@dataclass(frozen=True, repr=False)
class Scoring(Printed):
    """A finished scoring: its folder, and what was judged."""

    folder: Path
    judged: Judged

    def values(self) -> dict[str, Any]:
        """What ``--json`` prints."""
        return {**self.judged.values(), "run": str(self.folder), "examples": self.judged.table.to_dicts()}


@dataclass(frozen=True)
class ScoreSettings:
    """What `run_scoring` does.

    Attributes:
        adversarial: folder of images, ``.npz``, ``.pt`` or ``.safetensors``.
        clean: the clean images, likewise; see `read_examples`.
        labels: CSV of labels of a folder of clean images.
        source: name of the model that they were made on.
        victims: names of models that they are shown to.
        surrogates: names of models that stand for those nobody can ask.
        predictor: file of a fitted predictor, if any.
        natural: ``natural.json`` of ``presoftmax audit``; the clean images stand in for it when left out.
        device: where the models run; a GPU if there is one when left out.
        scores: further scores, each ``FILE.py:NAME``.
    """

    adversarial: str | Path
    clean: str | Path | None
    labels: str | Path | None
    source: str
    victims: tuple[str, ...]
    natural: str | Path | None
    device: str | None
    scores: tuple[str, ...] = ()
    surrogates: tuple[str, ...] = ()
    predictor: str | Path | None = None


def run_scoring(settings: ScoreSettings, out: str | Path | None) -> Scoring:
    """Score adversarial images and write ``out``: what `Judged.save` writes.

    Left out, it is ``presoftmax-runs/score-DATE-TIME``.

    Raises:
        PresoftmaxError: images, models or a folder that cannot be used.
    """
    with RunFolder.making(out, "score") as folder:
        return _score(settings, folder)


def _score(settings: ScoreSettings, folder: RunFolder) -> Scoring:
    for name in ("adversarial", "clean", "labels", "natural", "predictor"):
        given = getattr(settings, name)
        path = None if given is None and name != "adversarial" else as_path(given, name)
        if path is not None and not path.exists():
            raise DataError(f"{path}: no such file or folder")
    scores = load_scores(settings.scores)
    model = load_model(settings.source, settings.device)
    predictor = None if settings.predictor is None else load_predictor(settings.predictor)
    specs = (*settings.victims, *settings.surrogates)
    names = table_names(settings.source, *specs)[1:]
    others = [(name, load_victim(spec, settings.device)) for name, spec in zip(names, specs, strict=True)]
    victims, surrogates = dict(others[: len(settings.victims)]), dict(others[len(settings.victims) :])
    examples = read_examples(settings.adversarial, settings.clean, settings.labels, model.preprocessing, model.classes)
    reference = None if settings.natural is None else NaturalReference.load(settings.natural)
    judged = judge_examples(examples, model, victims, reference, scores, surrogates=surrogates, predictor=predictor)
    paths = {name: getattr(settings, name) for name in ("adversarial", "clean", "labels")}
    judged.write(folder, {"settings": {name: path and str(path) for name, path in paths.items()}})
    return Scoring(folder.path, judged)
