"""Judge a set of adversarial images: a folder with its page, its tables, and a verdict on each."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from presoftmax.errors import DataError
from presoftmax.judging import Judged, judge_examples
from presoftmax.models import load_model, load_victim, table_names
from presoftmax.printing import Printed
from presoftmax.scores import NaturalReference, load_scores
from presoftmax.storage import RunFolder
from presoftmax.strength import read_examples

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
        natural: ``natural.json`` of ``presoftmax audit``; the clean images stand in for it when left out.
        device: where the models run; a GPU if there is one when left out.
        scores: further scores, each ``FILE.py:NAME``.
    """

    adversarial: Path
    clean: Path | None
    labels: Path | None
    source: str
    victims: tuple[str, ...]
    natural: Path | None
    device: str | None
    scores: tuple[str, ...] = ()


def run_scoring(settings: ScoreSettings, out: Path | None) -> Scoring:
    """Score adversarial images and write ``out``: what `Judged.save` writes.

    Left out, it is ``presoftmax-runs/score-DATE-TIME``.

    Raises:
        PresoftmaxError: images, models or a folder that cannot be used.
    """
    with RunFolder.making(out, "score") as folder:
        return _score(settings, folder)


def _score(settings: ScoreSettings, folder: RunFolder) -> Scoring:
    for path in (settings.adversarial, settings.clean, settings.labels, settings.natural):
        if path is not None and not path.exists():
            raise DataError(f"{path}: no such file or folder")
    scores = load_scores(settings.scores)
    model = load_model(settings.source, settings.device)
    names = table_names(settings.source, *settings.victims)[1:]
    victims = {name: load_victim(spec, settings.device) for name, spec in zip(names, settings.victims, strict=True)}
    examples = read_examples(settings.adversarial, settings.clean, settings.labels, model.preprocessing, model.classes)
    reference = None if settings.natural is None else NaturalReference.load(settings.natural)
    judged = judge_examples(examples, model, victims, reference, scores)
    paths = {name: getattr(settings, name) for name in ("adversarial", "clean", "labels")}
    judged.write(folder, {"settings": {name: path and str(path) for name, path in paths.items()}})
    return Scoring(folder.path, judged)
