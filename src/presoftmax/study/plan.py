"""What a study will cost, before it runs: counted where it can be, measured for a few seconds where it cannot."""

import time
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch

from presoftmax.analysis import log_spaced
from presoftmax.choices import Copies
from presoftmax.data import ImageSet, check_location, nothing_usable
from presoftmax.errors import DataError
from presoftmax.models import default_device
from presoftmax.printing import Printed
from presoftmax.strength import COPIES
from presoftmax.study.config import StudyConfig
from presoftmax.study.model_names import ModelNames
from presoftmax.study.panel import load_panel
from presoftmax.study.selection import candidates_of
from presoftmax.study.tasks import SHOWN_ITERATIONS, VariantsTask, find_variants
from presoftmax.study.units import check_batch, image_iterations, units_of
from presoftmax.tracing import Job, prepare, stream

__all__ = ["Plan", "make_plan"]

# The most that rows of the studies in results/ take, compressed.
_STEPS_BYTES, _TRANSFERS_BYTES, _COPIES_BYTES = 125, 42, 16
_MEASURE_SECONDS = 2.0


@dataclass(frozen=True)
class Cost:
    """One attack on one source.

    Attributes:
        attack: its name.
        source: name of the source.
        steps: iterations.
        trajectories: images attacked.
        seconds_per_image_iteration: measured here.
        hours: projected on this device.
    """

    attack: str
    source: str
    steps: int
    trajectories: int
    seconds_per_image_iteration: float
    hours: float


@dataclass(frozen=True, repr=False)
class Plan(Printed):
    """A whole study.

    Attributes:
        candidates: images there are to choose from.
        images: images that will be attacked, at most.
        trajectories: images x attacks x sources.
        units: pieces of work.
        forwards: forward passes, in images, of sources and victims.
        backwards: backward passes, in images.
        steps_rows: rows of the `steps` table.
        transfers_rows: rows of the `transfers` table.
        gigabytes: on disk, tables and images.
        device: where it was measured.
        hours: projected on one such device.
        costs: by attack and source.
    """

    candidates: int
    images: int
    trajectories: int
    units: int
    forwards: int
    backwards: int
    steps_rows: int
    transfers_rows: int
    gigabytes: float
    device: str
    hours: float
    costs: tuple[Cost, ...]

    def values(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def make_plan(config: StudyConfig, device: str | None = None, batch_size: int | None = None) -> Plan:
    """Count and measure a study; it loads the models and attacks a few of its images for some seconds.

    Raises:
        PresoftmaxError: models or images that cannot be used.
    """
    check_batch(batch_size)
    check_location(config.images.path, config.images.labels)
    config.check_own_pieces()
    chosen = device or default_device()
    names = ModelNames.of(config)
    names.check()
    panel = load_panel(names, chosen)
    pool, order = candidates_of(config, panel.sources[0])
    images = min(config.images.count, len(order))
    sample = _sample(pool.read(order[:64]), min(images, config.shard))
    task = VariantsTask(names, sample, config.precision, batch_size, image_iterations(config, images))
    panel = load_panel(replace(names, variants=tuple(find_variants(task, chosen).receipt["variants"].values())), chosen)
    costs = []
    forwards = backwards = steps_rows = transfers_rows = copies_rows = 0
    pictures = images
    victims = len(names.labels) - 1
    for source, model in enumerate(config.models):
        for attack in config.attacks_on(model):
            run = attack.build()
            job = prepare(
                run, panel.sources[source], sample, victims=panel.victims_of(source), batch_size=batch_size,
                precision=config.precision, accelerate=False,
            )  # fmt: skip
            seconds = _seconds(job)
            iterations = images * (run.steps + 1)
            kept_iterations = len(log_spaced(run.steps, SHOWN_ITERATIONS))
            costs.append(
                Cost(attack.label, names.labels[source], run.steps, images, seconds,
                     seconds * iterations / 3600)
            )  # fmt: skip
            shown = images * kept_iterations * (victims if config.noise else 0)
            copies = images * kept_iterations * len(COPIES) * _seeing_copies(config.copies, victims)
            copies_rows += copies
            forwards += images * run.source_forwards + iterations * victims + shown + copies
            backwards += images * run.source_backwards
            pictures += config.gallery * kept_iterations + (images if config.final_images else 0)
            steps_rows += iterations
            transfers_rows += iterations * victims
    size = steps_rows * _STEPS_BYTES + transfers_rows * _TRANSFERS_BYTES + copies_rows * _COPIES_BYTES
    size += pictures * sample.images[0].numel()
    return Plan(
        candidates=len(order),
        images=images,
        trajectories=images * len(costs),
        units=len(units_of(config, names, images)),
        forwards=forwards,
        backwards=backwards,
        steps_rows=steps_rows,
        transfers_rows=transfers_rows,
        gigabytes=size / 1e9,
        device=chosen,
        hours=sum(cost.hours for cost in costs),
        costs=tuple(costs),
    )


def _seeing_copies(copies: Copies, victims: int) -> int:
    """How many models see the copies of an image."""
    return {Copies.NONE: 0, Copies.SOURCE: 1, Copies.ALL: 1 + victims}[copies]


def _sample(images: ImageSet, count: int) -> ImageSet:
    """So many images to measure with; repeated under other names where there are fewer."""
    if len(images) == 0:
        raise DataError(nothing_usable(images.skipped))
    rows = [i % len(images) for i in range(count)]
    return ImageSet(images.images[rows], images.labels[rows], tuple(f"{i}" for i in range(count)))


def _seconds(job: Job) -> float:
    """Seconds for an image and an iteration, from the second iteration on, over about two seconds."""
    one = _first_batch(job)
    _run(one, 1)
    per_iteration = max(_run(one, 1) / 2, 1e-6)
    steps = max(1, min(job.attack.steps, round(_MEASURE_SECONDS / per_iteration)))
    return _run(one, steps) / (steps + 1) / len(one.examples)


def _first_batch(job: Job) -> Job:
    return replace(job, examples=job.examples.select(range(min(job.batch_size, len(job.examples)))))


def _run(job: Job, steps: int) -> float:
    short = replace(job, attack=replace(job.attack, steps=steps), keep=frozenset({steps}))
    started = time.perf_counter()
    for _ in stream(short):
        pass
    if job.source.device.type == "cuda":
        torch.cuda.synchronize(job.source.device)
    return time.perf_counter() - started
