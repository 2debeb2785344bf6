"""Judge a set of adversarial images: a folder with its page, its tables, and a verdict on each."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from presoftmax.judging import Judged, judge_examples
from presoftmax.models import load_model, load_victim, table_names
from presoftmax.printing import Printed
from presoftmax.scores import NaturalReference, load_scores
from presoftmax.storage import RunFolder
from presoftmax.strength import load_predictor, read_examples
from presoftmax.workflows.settings import ScoreSettings

__all__ = ["Scoring", "run_scoring"]


@dataclass(frozen=True, repr=False)
class Scoring(Printed):
    """A finished scoring: its folder, and what was judged."""

    folder: Path
    judged: Judged

    def values(self) -> dict[str, Any]:
        """What ``--json`` prints."""
        return {**self.judged.values(), "run": str(self.folder), "examples": self.judged.table.to_dicts()}


def run_scoring(settings: ScoreSettings, out: str | Path | None) -> Scoring:
    """Score adversarial images and write ``out``: what `Judged.save` writes.

    Left out, it is ``presoftmax-runs/score-DATE-TIME``.

    Raises:
        PresoftmaxError: images, models or a folder that cannot be used.
    """
    with RunFolder.making(out, "score") as folder:
        return _score(settings, folder)


def _score(settings: ScoreSettings, folder: RunFolder) -> Scoring:
    settings.check()
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
