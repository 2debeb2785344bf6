"""What a first line of defense is worth on a study's models, images and attacks, and what it costs who knows it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from presoftmax.data import ImageSet, Pool
from presoftmax.defense import ATTACKERS, make_detector
from presoftmax.defense.evaluation import (
    DefenseSummary,
    attempts_frame,
    detections_frame,
    natural_frame,
    summarize,
)
from presoftmax.errors import DataError, StudyError
from presoftmax.models import Classifier, Model, default_device
from presoftmax.printing import Printed
from presoftmax.report.defense import defense_sentences, write_defense
from presoftmax.storage import versions
from presoftmax.study import DefenseConfig, ModelNames, Panel, StudyConfig, candidates_of, load_panel, preprocessing_of
from presoftmax.tracing import select_correct
from presoftmax.workflows._evaluation_folder import EvaluationFolder
from presoftmax.workflows._guarded_source import MIMICRIES, EvaluationImages, GuardedSource
from presoftmax.workflows._natural_images import image_pieces

__all__ = ["DefenseEvaluation", "evaluate_defense"]

_PIECE = 32
_FEWEST_HELD_OUT = 20

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
        images = _images(study, panel.sources[0], panel.models)
        frames = _frames(study, panel, images, folder, tell)
        summary = summarize(*frames, images.attacked.ids, names.labels)
        done = DefenseEvaluation(folder.run.path, summary, defense_sentences(asdict(summary)))
        _write(folder, done, frames, study, images)
        return done


def _frames(study: StudyConfig, panel: Panel, images: EvaluationImages, folder: EvaluationFolder, tell: Tell) -> Frames:
    natural: list[pl.DataFrame] = []
    detections: list[pl.DataFrame] = []
    attempts: list[pl.DataFrame] = []
    for number, source in enumerate(panel.sources):
        victims = {model.name: model for model in panel.victims_of(number)}
        guarded = GuardedSource(study, number, source, victims, images, folder, tell)
        natural.append(guarded.natural())
        detections += guarded.detections()
        attempts += guarded.attempts()
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
    folder.finish()
    folder.run.write_summary({**about, "settings": settings, "sentences": done.sentences, **numbers})


def _check(plan: DefenseConfig) -> None:
    known = (*ATTACKERS, *MIMICRIES)
    for name in plan.attackers:
        if name not in known:
            raise StudyError(f"defense.attackers: no attacker {name!r}; there are {', '.join(known)}")
    for name in (*plan.detectors, *plan.against):
        make_detector(name)


def _images(study: StudyConfig, first: Classifier, models: Sequence[Model]) -> EvaluationImages:
    plan = study.defense
    framing = preprocessing_of(study, first.preprocessing)
    pool, order = candidates_of(study, first)
    attacked = select_correct(_read(pool, order), models, plan.attacked).images
    if plan.natural is None:
        taken = set(attacked.ids)
        rest = [at for at in order if pool.ids[at] not in taken][: plan.fit + plan.held_out]
        natural = _whole(study.images.path, _read(pool, rest))
    else:
        natural = _whole(plan.natural, image_pieces(plan.natural, first, None, framing))
    # Too few for both: a third is held out.
    fit = min(plan.fit, max(len(natural) - plan.held_out, 2 * len(natural) // 3))
    held_out = natural.select(range(fit, min(fit + plan.held_out, len(natural))))
    if len(held_out) < _FEWEST_HELD_OUT:
        raise StudyError(
            f"{len(natural)} natural images besides the attacked ones: {3 * _FEWEST_HELD_OUT} are the fewest, and "
            "1,000 and more are recommended; attack fewer, or name others in [defense] natural"
        )
    places = plan.controls.items()
    controls = {name: _whole(place, image_pieces(place, first, None, framing)) for name, place in places}
    return EvaluationImages(attacked, natural.select(range(fit)), held_out, controls)


def _read(pool: Pool, order: Sequence[int]) -> Iterator[ImageSet]:
    for start in range(0, len(order), _PIECE):
        yield pool.read(order[start : start + _PIECE])


def _whole(place: str, pieces: Iterator[ImageSet]) -> ImageSet:
    found = [piece for piece in pieces if len(piece)]
    if not found:
        raise DataError(f"{place}: no natural images that can be used")
    return ImageSet.concatenate(place, found)
