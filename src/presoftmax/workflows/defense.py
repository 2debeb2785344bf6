"""What a first line of defense is worth on a study's models, images and attacks, and what it costs who knows it."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from presoftmax.defense import ATTACKERS, make_detector
from presoftmax.defense.evaluation import (
    DefenseSummary,
    attempts_frame,
    detections_frame,
    natural_frame,
    summarize,
)
from presoftmax.errors import StudyError
from presoftmax.models import default_device
from presoftmax.printing import Printed
from presoftmax.report.defense import defense_sentences, write_defense
from presoftmax.storage import versions
from presoftmax.study import DefenseConfig, ModelNames, Panel, StudyConfig, load_panel
from presoftmax.workflows._evaluation_folder import EvaluationFolder
from presoftmax.workflows._evaluation_images import EvaluationImages, evaluation_images
from presoftmax.workflows._guarded_source import MIMICRIES, GuardedSource, read_given

__all__ = ["DefenseEvaluation", "evaluate_defense"]

Tell = Callable[[str], None]
Frames = tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]


@dataclass(frozen=True, repr=False)
class DefenseEvaluation(Printed):
    """A finished evaluation: its folder, its numbers, and what was found, in sentences."""

    folder: Path
    summary: DefenseSummary
    sentences: tuple[str, ...]

    def values(self) -> dict[str, Any]:
        """What ``--json`` prints, and ``run.json`` holds."""
        return {"run": str(self.folder), "sentences": list(self.sentences), **asdict(self.summary)}


def evaluate_defense(
    study: StudyConfig,
    out: str | Path | None = None,
    device: str | None = None,
    tell: Tell = lambda text: None,
) -> DefenseEvaluation:
    """Fit detectors to every source of a study, and try them on benign images, attacks, and attackers who know them.

    Interrupted, it goes on where it stopped when it is called with the same folder again.

    Args:
        study: models, images and attacks; what is special is in its ``defense``.
        out: folder to make; ``presoftmax-runs/guard-DATE-TIME`` when left out.
        device: where the models run.
        tell: called with what begins.

    Raises:
        StudyError: too few natural images, or an attacker that does not exist.
        RunError: the folder is finished, or holds something else.
        PresoftmaxError: models, images or detectors that cannot be used.
    """
    _check(study.defense)
    names = ModelNames.of(study)
    with EvaluationFolder.begun(out, "guard", study.values()) as folder:
        panel = load_panel(names, device or str(default_device()))
        tell("choosing images that every model gets right, and natural ones besides")
        images = evaluation_images(study, panel.sources[0], panel.models)
        guarded = [_source(study, panel, number, images, folder, tell) for number in range(len(panel.sources))]
        frames = _frames(guarded)
        tried = [each for source in guarded for each in source.tried()]
        calibration = len(images.fit) - len(images.fit) // 2
        summary = summarize(*frames, images.attacked.ids, names.labels, tried, calibration)
        done = DefenseEvaluation(folder.run.path, summary, defense_sentences(asdict(summary)))
        _write(folder, done, frames, study, images)
        return done


def _source(
    study: StudyConfig, panel: Panel, number: int, images: EvaluationImages, folder: EvaluationFolder, tell: Tell
) -> GuardedSource:
    victims = {model.name: model for model in panel.victims_of(number)}
    return GuardedSource(study, number, panel.sources[number], victims, images, folder, tell)


def _frames(guarded: Sequence[GuardedSource]) -> Frames:
    natural: list[pl.DataFrame] = []
    detections: list[pl.DataFrame] = []
    attempts: list[pl.DataFrame] = []
    for source in guarded:
        natural.append(source.natural())
        detections += source.detections()
        attempts += source.attempts()
    return natural_frame(natural), detections_frame(detections), attempts_frame(attempts)


def _write(
    folder: EvaluationFolder, done: DefenseEvaluation, frames: Frames, study: StudyConfig, images: EvaluationImages
) -> None:
    settings = {"study": study.values(), "versions": versions()}
    named = zip(("natural_statistics", "detections", "attempts"), frames, strict=True)
    folder.run.write_tables(dict(named), settings)
    about = {"title": study.title, "fitted": len(images.fit), "held_out": len(images.held_out)}
    numbers = asdict(done.summary)
    write_defense(folder.run, {**about, **numbers}, done.sentences, frames)
    folder.run.write_summary({**about, "settings": settings, "sentences": done.sentences, **numbers})
    folder.finish()


def _check(plan: DefenseConfig) -> None:
    known = (*ATTACKERS, *MIMICRIES)
    for name in plan.attackers:
        if name not in known:
            raise StudyError(f"defense.attackers: no attacker {name!r}; there are {', '.join(known)}")
    for name in (*plan.detectors, *plan.against):
        make_detector(name)
    for given in plan.given:
        read_given(given.images)
