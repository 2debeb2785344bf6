"""What is done to one source of a defense's evaluation, piece by piece."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial

import polars as pl

from presoftmax.attacks import Attack, Identity, View
from presoftmax.data import ImageSet, read_arrays
from presoftmax.defense import (
    ATTACKERS,
    DETECTORS,
    Flip,
    GaussianNoise,
    MimicryBank,
    joined_views,
    make_detectors,
    mimicking,
)
from presoftmax.defense.evaluation import (
    UNAWARE,
    Attempt,
    Bench,
    attempts_frame,
    attempts_on,
    detections_frame,
    detections_of,
    given_detections,
    natural_statistics,
)
from presoftmax.errors import DataError
from presoftmax.models import Classifier, Model
from presoftmax.study import StudyConfig
from presoftmax.workflows._evaluation_folder import EvaluationFolder

__all__ = ["MIMICRIES", "EvaluationImages", "GuardedSource"]

MIMICRIES = ("mimicry", "noise-mimicry", "copies-mimicry")
"""Attackers that imitate natural images: their logits, these under noise, these under every copy."""
_CHUNK_BYTES = 150_000_000
_MOST_AT_ONCE = 64


@dataclass(frozen=True)
class EvaluationImages:
    """Attacked images, natural ones to fit to, others to hold out, and further natural ones by name."""

    attacked: ImageSet
    fit: ImageSet
    held_out: ImageSet
    controls: dict[str, ImageSet]


@dataclass(frozen=True)
class GuardedSource:
    """A source, and all that is tried on it.

    Attributes:
        study: what is tried.
        number: of the source among the study's models.
        source: the model.
        victims: all other models.
        images: of the evaluation.
        folder: where finished pieces are.
        tell: called with what begins.
    """

    study: StudyConfig
    number: int
    source: Classifier
    victims: dict[str, Model]
    images: EvaluationImages
    folder: EvaluationFolder
    tell: Callable[[str], None]

    @cached_property
    def bench(self) -> Bench:
        """The source with its fitted detectors, made when the first piece that is not there wants it."""
        plan = self.study.defense
        self._say(f"fitting detectors to {len(self.images.fit)} natural images")
        names = dict.fromkeys((*(plan.detectors or DETECTORS), *plan.against))
        return Bench.fit(self.source, self.images.fit, make_detectors(names))

    def natural(self) -> pl.DataFrame:
        """Statistics of natural images."""

        def make() -> pl.DataFrame:
            bench = self.bench
            self._say("natural images that nothing was fitted to, and harmless changes of them")
            return natural_statistics(bench, self.images.held_out, self.images.controls)

        return self._piece("natural", make)

    def detections(self) -> Iterator[pl.DataFrame]:
        """Of attacks that know no detector, and of other libraries' examples."""
        for number, attack in enumerate(self._attacks):
            yield self._piece(f"detections-{number}", partial(self._detected, attack))
        for number, given in enumerate(self.study.defense.given):
            if given.source == self._spec:
                yield self._piece(f"given-{number}", partial(self._given, given.name, given.images))

    def attempts(self) -> Iterator[pl.DataFrame]:
        """Of attackers who know the detectors."""
        priced = self.study.defense.priced
        for number, attack in enumerate(self._attacks):
            if not priced or attack.name in priced:
                for name, make in self._tried(attack):
                    yield self._piece(f"attempts-{number}-{name}", partial(self._attempted, make))

    @property
    def _spec(self) -> str:
        return self.study.models[self.number]

    @cached_property
    def _attacks(self) -> list[Attack]:
        return [each.build() for each in self.study.attacks_on(self._spec)]

    def _detected(self, attack: Attack) -> pl.DataFrame:
        bench = self.bench
        self._say(f"{attack.name}, which knows no detector")
        chunk = self._chunk(attack.steps + 1)
        return detections_frame(list(detections_of(bench, attack, self.images.attacked, self.study.seed, chunk)))

    def _given(self, name: str, path: str) -> pl.DataFrame:
        arrays = read_arrays(path)
        if arrays.labels is None:
            raise DataError(f"{path}: no labels beside the images, so nobody knows which of them fool the model")
        ids = [f"{i:06d}" for i in range(len(arrays.images))]
        return given_detections(self.bench, name, arrays.images, arrays.labels, ids)

    def _attempted(self, make: Callable[[], Attempt]) -> pl.DataFrame:
        bench, attempt = self.bench, make()
        self._say(f"{attempt.base}, {attempt.attacker} {' '.join(attempt.judged_by)}".rstrip())
        chunk = self._chunk(3 * len(attempt.attack.views) + 12)
        parts = attempts_on(bench, self.victims, attempt, self.images.attacked, self.study.seed, chunk)
        return attempts_frame(list(parts))

    def _tried(self, attack: Attack) -> Iterator[tuple[str, Callable[[], Attempt]]]:
        """Every attempt by a name for its piece, and how it is made."""
        plan = self.study.defense
        wanted = plan.attackers or [*ATTACKERS, *MIMICRIES]
        yield UNAWARE, lambda: Attempt(attack.name, UNAWARE, attack)
        for number, detector in enumerate(plan.against):
            for name in wanted:
                if name in ATTACKERS:
                    yield f"{name}-{number}", partial(self._aware, attack, name, detector)
        for name in wanted:
            if name in MIMICRIES:
                yield name, partial(self._mimicry, attack, name)

    def _aware(self, attack: Attack, name: str, detector: str) -> Attempt:
        made = ATTACKERS[name](attack, self.bench.detectors[detector])
        return Attempt(attack.name, name, made, (detector,), self.study.defense.restarts)

    def _mimicry(self, attack: Attack, name: str) -> Attempt:
        views: dict[str, tuple[View, ...]] = {
            "mimicry": (Identity(),),
            "noise-mimicry": (Identity(), *(GaussianNoise(8.0, 0, number) for number in range(4))),
            "copies-mimicry": joined_views(*(each.views for each in self.bench.detectors.values()), (Flip(),)),
        }
        bank = MimicryBank.of(self.source, self.images.fit, views[name])
        made = mimicking(attack, bank, f"{attack.name}-{name}")
        return Attempt(attack.name, name, made, (), self.study.defense.restarts)

    def _chunk(self, held: int) -> int:
        """Images attacked at a time, of which so many frames are held."""
        one = self.images.attacked.images[0].numel()
        return max(1, min(_MOST_AT_ONCE, _CHUNK_BYTES // (one * held)))

    def _piece(self, name: str, make: Callable[[], pl.DataFrame]) -> pl.DataFrame:
        return self.folder.piece(f"{self.number}-{name}", make)

    def _say(self, text: str) -> None:
        self.tell(f"{self.source.name}: {text}")
