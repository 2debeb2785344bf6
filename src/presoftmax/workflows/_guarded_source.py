"""What is done to one source of a defense's evaluation, piece by piece."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import NamedTuple

import polars as pl
from torch import Tensor

from presoftmax.attacks import Attack, Identity, View
from presoftmax.data import read_arrays
from presoftmax.defense import (
    ATTACKERS,
    DETECTORS,
    Flip,
    GaussianNoise,
    MimicryBank,
    joined_views,
    make_detector,
    make_detectors,
    mimicking,
    pixels_of,
)
from presoftmax.defense.evaluation import (
    UNAWARE,
    Attempt,
    Bench,
    Tried,
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
from presoftmax.workflows._evaluation_images import EvaluationImages

__all__ = ["MIMICRIES", "GuardedSource", "read_given"]

MIMICRIES = ("mimicry", "noise-mimicry", "copies-mimicry")
"""Attackers that imitate natural images: their logits, these under noise, these under every copy."""
_CHUNK_BYTES = 150_000_000
_MOST_AT_ONCE = 64


def read_given(path: str) -> tuple[Tensor, Tensor]:
    """Adversarial images and their true labels; raises `DataError` where there are none."""
    arrays = read_arrays(path)
    if arrays.labels is None:
        raise DataError(f"{path}: no labels beside the images, so nobody knows which of them fool the model")
    return pixels_of(arrays.images), arrays.labels


class _Planned(NamedTuple):
    """An attempt: the name of its piece, who makes it, on which detector (None: on all), and how."""

    piece: str
    attacker: str
    detector: str | None
    make: Callable[[], Attempt]


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
        self._say(f"fitting detectors to {len(self.images.fit)} natural images")
        return Bench.fit(self.source, self.images.fit, make_detectors(self._detectors))

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
                for planned in self._planned(attack):
                    yield self._piece(f"attempts-{number}-{planned.piece}", partial(self._attempted, planned.make))

    def tried(self) -> Iterator[Tried]:
        """Who was to pass which detector, from which attack: also where nothing came of it."""
        priced = self.study.defense.priced
        for attack in self._attacks:
            if not priced or attack.name in priced:
                for planned in self._planned(attack):
                    for detector in self._detectors if planned.detector is None else (planned.detector,):
                        yield Tried(self.source.name, attack.name, planned.attacker, detector)

    @property
    def _detectors(self) -> tuple[str, ...]:
        plan = self.study.defense
        return tuple(dict.fromkeys((*(plan.detectors or DETECTORS), *plan.against)))

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
        images, labels = read_given(path)
        return given_detections(self.bench, name, images, labels, [f"{i:06d}" for i in range(len(images))])

    def _attempted(self, make: Callable[[], Attempt]) -> pl.DataFrame:
        bench, attempt = self.bench, make()
        self._say(f"{attempt.base}, {attempt.attacker} {' '.join(attempt.judged_by)}".rstrip())
        chunk = self._chunk(3 * len(attempt.attack.views) + 12)
        parts = attempts_on(bench, self.victims, attempt, self.images.attacked, self.study.seed, chunk)
        return attempts_frame(list(parts))

    def _planned(self, attack: Attack) -> Iterator[_Planned]:
        plan = self.study.defense
        wanted = plan.attackers or [*ATTACKERS, *MIMICRIES]
        yield _Planned(UNAWARE, UNAWARE, None, lambda: Attempt(attack.name, UNAWARE, attack))
        for number, detector in enumerate(plan.against):
            # Where there is no noise, who does not know it is who knows it.
            noisy = any(isinstance(view, GaussianNoise) for view in make_detector(detector).views)
            for name in wanted:
                if name in ATTACKERS and (noisy or not name.endswith("-eot")):
                    yield _Planned(f"{name}-{number}", name, detector, partial(self._aware, attack, name, detector))
        for name in wanted:
            if name in MIMICRIES:
                yield _Planned(name, name, None, partial(self._mimicry, attack, name))

    def _aware(self, attack: Attack, name: str, detector: str) -> Attempt:
        made = ATTACKERS[name](self._longer(attack), self.bench.detectors[detector])
        return Attempt(attack.name, name, made, (detector,), self.study.defense.restarts)

    def _mimicry(self, attack: Attack, name: str) -> Attempt:
        views: dict[str, tuple[View, ...]] = {
            "mimicry": (Identity(),),
            "noise-mimicry": (Identity(), *(GaussianNoise(8.0, 0, number) for number in range(4))),
            "copies-mimicry": joined_views(*(each.views for each in self.bench.detectors.values()), (Flip(),)),
        }
        bank = MimicryBank.of(self.source, self.images.fit, views[name])
        made = mimicking(self._longer(attack), bank, f"{attack.name}-{name}")
        return Attempt(attack.name, name, made, (), self.study.defense.restarts)

    def _longer(self, attack: Attack) -> Attack:
        """With as many steps as attackers have."""
        return replace(attack, steps=attack.steps * self.study.defense.budget)

    def _chunk(self, held: int) -> int:
        """Images attacked at a time, of which so many frames are held."""
        one = self.images.attacked.images[0].numel()
        return max(1, min(_MOST_AT_ONCE, _CHUNK_BYTES // (one * held)))

    def _piece(self, name: str, make: Callable[[], pl.DataFrame]) -> pl.DataFrame:
        return self.folder.piece(f"{self.number}-{name}", make)

    def _say(self, text: str) -> None:
        self.tell(f"{self.source.name}: {text}")
