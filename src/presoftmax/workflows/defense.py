"""What a first line of defense is worth on a study's models, images and attacks, and what it costs who knows it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from presoftmax.attacks import Attack, Identity, View
from presoftmax.data import ImageSet, Pool, as_path, read_arrays
from presoftmax.defense import (
    ATTACKERS,
    Detector,
    Flip,
    GaussianNoise,
    MimicryBank,
    joined_views,
    make_detector,
    make_detectors,
    mimicking,
)
from presoftmax.defense.evaluation import (
    UNAWARE,
    Attempt,
    Bench,
    DefenseSummary,
    attempts_frame,
    attempts_on,
    detections_frame,
    detections_of,
    given_detections,
    natural_frame,
    natural_statistics,
    summarize,
)
from presoftmax.errors import DataError, StudyError
from presoftmax.models import Classifier, Model, default_device
from presoftmax.printing import Printed
from presoftmax.report.defense import defense_sentences, write_defense
from presoftmax.storage import RunFolder, versions
from presoftmax.study import DefenseConfig, ModelNames, StudyConfig, candidates_of, load_panel, preprocessing_of
from presoftmax.tracing import select_correct
from presoftmax.workflows._natural_images import image_pieces

__all__ = ["DefenseEvaluation", "evaluate_defense"]

_MIMICRIES = ("mimicry", "noise-mimicry", "copies-mimicry")
_CHUNK_BYTES = 150_000_000
_PIECE = 32
_FEWEST_HELD_OUT = 20

Tell = Callable[[str], None]


@dataclass(frozen=True, repr=False)
class DefenseEvaluation(Printed):
    """A finished evaluation: its folder, its numbers, and what was found, in sentences."""

    folder: Path
    summary: DefenseSummary
    sentences: tuple[str, ...]

    def values(self) -> dict[str, Any]:
        """What ``--json`` prints, and ``defense.json`` holds."""
        return {"run": str(self.folder), "sentences": list(self.sentences), **asdict(self.summary)}


def evaluate_defense(
    study: StudyConfig,
    out: str | Path | None = None,
    device: str | None = None,
    tell: Tell = lambda text: None,
) -> DefenseEvaluation:
    """Fit detectors to every source of a study, and try them on benign images, attacks, and attackers who know them.

    Args:
        study: models, images and attacks; what is special is in its ``defense``.
        out: folder to make; ``presoftmax-runs/guard-DATE-TIME`` when left out.
        device: where the models run.
        tell: called with what begins.

    Raises:
        StudyError: too few natural images, or an attacker that does not exist.
        PresoftmaxError: models, images or detectors that cannot be used.
    """
    plan = study.defense
    _check(plan)
    names = ModelNames.of(study)
    with RunFolder.making(None if out is None else as_path(out, "out"), "guard") as folder:
        panel = load_panel(names, device or str(default_device()))
        tell("choosing images that every model gets right, and natural ones besides")
        images = _Images.of(study, panel.sources[0], panel.models)
        parts = [_Source(study, source, _others(panel.models, source), images, tell) for source in panel.sources]
        tables = [part.tables(study.models[i]) for i, part in enumerate(parts)]
        natural, detections, attempts = (list(frames) for frames in zip(*tables, strict=True))
        frames = natural_frame(natural), detections_frame(detections), attempts_frame(attempts)
        summary = summarize(*frames, images.attacked.ids, names.labels)
        settings = {"study": study.values(), "versions": versions()}
        named = zip(("natural_statistics", "detections", "attempts"), frames, strict=True)
        folder.write_tables(dict(named), settings)
        sentences = defense_sentences(asdict(summary))
        about = {"title": study.title, "fitted": len(images.fit), "held_out": len(images.held_out)}
        write_defense(folder, {**about, **asdict(summary)}, sentences, frames)
        folder.write_summary({**about, "settings": settings, "sentences": sentences, **asdict(summary)})
        return DefenseEvaluation(folder.path, summary, sentences)


def _check(plan: DefenseConfig) -> None:
    known = (*ATTACKERS, *_MIMICRIES)
    for name in plan.attackers:
        if name not in known:
            raise StudyError(f"defense.attackers: no attacker {name!r}; there are {', '.join(known)}")
    for name in (*plan.detectors, *plan.against):
        make_detector(name)


@dataclass(frozen=True)
class _Images:
    """Attacked images, natural ones to fit to, others to hold out, and further natural ones by name."""

    attacked: ImageSet
    fit: ImageSet
    held_out: ImageSet
    controls: dict[str, ImageSet]

    @classmethod
    def of(cls, study: StudyConfig, first: Classifier, models: Sequence[Model]) -> "_Images":
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
        controls = {
            name: _whole(place, image_pieces(place, first, None, framing)) for name, place in plan.controls.items()
        }
        return cls(attacked, natural.select(range(fit)), held_out, controls)


@dataclass(frozen=True)
class _Source:
    """What is done to one source."""

    study: StudyConfig
    source: Classifier
    victims: dict[str, Model]
    images: _Images
    tell: Tell

    def tables(self, spec: str) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
        """Natural statistics, detections and attempts."""
        plan, images = self.study.defense, self.images
        self.tell(f"{self.source.name}: fitting detectors to {len(images.fit)} natural images")
        detectors = make_detectors((*(plan.detectors or ()), *(n for n in plan.against if plan.detectors)))
        bench = Bench.fit(self.source, images.fit, detectors)
        natural = natural_statistics(bench, images.held_out, images.controls)
        attacks = [each.build() for each in self.study.attacks_on(spec)]
        found = [frame for attack in attacks for frame in self._detections(bench, attack)]
        found += [self._given(bench, each.name, each.images) for each in plan.given if each.source == spec]
        tried = [frame for attack in attacks for frame in self._attempts(bench, attack, detectors)]
        return natural, detections_frame(found), attempts_frame(tried)

    def _detections(self, bench: Bench, attack: Attack) -> Iterator[pl.DataFrame]:
        self.tell(f"{self.source.name}: {attack.name}, which knows no detector")
        chunk = self._chunk(attack.steps + 1)
        yield from detections_of(bench, attack, self.images.attacked, self.study.seed, chunk)

    def _given(self, bench: Bench, name: str, path: str) -> pl.DataFrame:
        arrays = read_arrays(path)
        if arrays.labels is None:
            raise DataError(f"{path}: no labels beside the images, so nobody knows which of them fool the model")
        ids = [f"{i:06d}" for i in range(len(arrays.images))]
        return given_detections(bench, name, arrays.images, arrays.labels, ids)

    def _attempts(self, bench: Bench, attack: Attack, detectors: dict[str, Detector]) -> Iterator[pl.DataFrame]:
        plan = self.study.defense
        if plan.priced and attack.name not in plan.priced:
            return
        for attempt in self._tried(bench, attack, detectors):
            self.tell(f"{self.source.name}: {attempt.base}, {attempt.attacker} {' '.join(attempt.judged_by)}".rstrip())
            chunk = self._chunk(3 * len(attempt.attack.views) + 12)
            yield from attempts_on(bench, self.victims, attempt, self.images.attacked, self.study.seed, chunk)

    def _tried(self, bench: Bench, attack: Attack, detectors: dict[str, Detector]) -> Iterator[Attempt]:
        plan = self.study.defense
        wanted = plan.attackers or [*ATTACKERS, *_MIMICRIES]
        yield Attempt(attack.name, UNAWARE, attack, restarts=1)
        for detector in plan.against:
            for name in wanted:
                if name in ATTACKERS:
                    made = ATTACKERS[name](attack, detectors[detector])
                    yield Attempt(attack.name, name, made, (detector,), plan.restarts)
        views: dict[str, tuple[View, ...]] = {
            "mimicry": (Identity(),),
            "noise-mimicry": (Identity(), *(GaussianNoise(8.0, 0, number) for number in range(4))),
            "copies-mimicry": joined_views(*(detector.views for detector in bench.detectors.values()), (Flip(),)),
        }
        for name in wanted:
            if name in views:
                bank = MimicryBank.of(self.source, self.images.fit, views[name])
                yield Attempt(attack.name, name, mimicking(attack, bank, f"{attack.name}-{name}"), (), plan.restarts)

    def _chunk(self, held: int) -> int:
        """Images attacked at a time, of which so many frames are held."""
        one = self.images.attacked.images[0].numel()
        return max(1, min(64, _CHUNK_BYTES // (one * held)))


def _others(models: Sequence[Model], source: Model) -> dict[str, Model]:
    return {model.name: model for model in models if model is not source}


def _read(pool: Pool, order: Sequence[int]) -> Iterator[ImageSet]:
    for start in range(0, len(order), _PIECE):
        yield pool.read(order[start : start + _PIECE])


def _whole(place: str, pieces: Iterator[ImageSet]) -> ImageSet:
    found = [piece for piece in pieces if len(piece)]
    if not found:
        raise DataError(f"{place}: no natural images that can be used")
    return ImageSet.concatenate(place, found)
