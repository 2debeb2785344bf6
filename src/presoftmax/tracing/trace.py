"""The loop: attack a batch on a source, show every iteration to the victims, hand out records.

This is the only place where an attack runs. Per iteration there is exactly one forward pass of the source, which gives
both the recorded logits and the gradient of the next step, one backward pass to the image only, and one forward pass of
each victim. (The ``final`` discretization looks at the rounded image too: one more forward pass of the source. Attacks
that take their gradient somewhere else than at the image make passes of their own for it: see
`presoftmax.tracing.step`.)
Nothing in an iteration waits for the device; records stay there and are moved in blocks.
"""

import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, Literal, get_args

import polars as pl
import torch
from torch import Tensor

from presoftmax.attacks import (
    Attack,
    Goal,
    SecondTarget,
    check_targets,
    draw_targets,
    runner_up,
)
from presoftmax.data import ImageSet
from presoftmax.errors import AttackError, DataError, PresoftmaxWarning
from presoftmax.models import (
    Classifier,
    Model,
    Precision,
    WeightWatch,
    as_fast_as_pays,
    as_model,
    as_source,
    ask,
    check_logits,
    check_same_classes,
    float32_products,
    frozen,
    pays,
)
from presoftmax.models.fast import freed_memory_kept
from presoftmax.storage import versions
from presoftmax.tables import NOT_FINITE, Recorder, perturbation_record
from presoftmax.tracing.step import Ascent

__all__ = ["Block", "Job", "Trace", "default_batch_size", "name_victims", "prepare", "trace"]

_BLOCK_SECONDS = 3.0

# As many images of 224 by 224, and as many small ones, as pay, measured; more only take more memory. In bfloat16 small
# batches lose more time.
_BATCHES: Mapping[str, Mapping[Precision, tuple[int, int]]] = {
    "cpu": {"exact": (4, 64), "fast": (8, 128)},
    "gpu": {"exact": (64, 1024), "fast": (64, 1024)},
}


@dataclass(frozen=True)
class Block:
    """Consecutive iterations of one batch of examples.

    Attributes:
        steps: rows of the `steps` table, by iteration, then by example.
        transfers: rows of the `transfers` table, by victim, then likewise.
        images: kept iterations, each uint8 ``(N, 3, H, W)`` on the CPU.
        float_images: with the last iteration: the float images ``(N, 3, H, W)`` in [0, 1] behind the recorded ones.
        batch: position of the batch, from 0.
        iteration: the last iteration in here.
    """

    steps: pl.DataFrame
    transfers: pl.DataFrame
    images: dict[int, Tensor]
    float_images: Tensor | None
    batch: int
    iteration: int


@dataclass(frozen=True)
class Job:
    """A checked attack on checked images: `stream` runs it. Made by `prepare`.

    ``watch`` is there once the networks are `accelerated`, whose weights it watches.
    """

    attack: Attack
    source: Classifier
    victims: tuple[Model, ...]
    victim_names: tuple[str, ...]
    examples: ImageSet
    targets: Tensor | None
    seed: int
    batch_size: int
    keep: frozenset[int]
    precision: Precision = "exact"
    watch: WeightWatch | None = None

    def describe(self) -> dict[str, Any]:
        """All settings and versions as plain values, as they go into the files."""
        return {
            "attack": self.attack.describe(),
            "source": self.source.name,
            "victims": list(self.victim_names),
            "images": len(self.examples),
            "targets": "given" if self.targets is not None else "drawn",
            "seed": self.seed,
            "batch_size": self.batch_size,
            "precision": self.precision,
            "paths": self.paths(),
            "device": str(self.source.device),
            "versions": versions(),
        }

    def paths(self) -> dict[str, str]:
        """How each network is run, by its name in the tables."""
        named = zip((self.source.name, *self.victim_names), (self.source, *self.victims), strict=True)
        return {name: str(model.path) for name, model in named if isinstance(model, Classifier)}

    @property
    def batches(self) -> int:
        """Number of batches."""
        return -(-len(self.examples) // self.batch_size)

    @property
    def passes(self) -> int:
        """Batches that each model sees."""
        return self.batches * (self.attack.steps + 1)

    def accelerated(self) -> "Job":
        """The same job with every network as fast as its length is worth; see `presoftmax.models.as_fast_as_pays`."""
        images = self.examples.images[: self.batch_size]
        faster = partial(as_fast_as_pays, images=images, precision=self.precision, passes=self.passes)
        victims = tuple(faster(victim, gradient=False) for victim in self.victims)
        source = as_source(faster(self.source, gradient=True))
        watch = WeightWatch((source, *victims))
        return replace(self, source=source, victims=victims, watch=watch)

    def stream(self) -> Iterator[Block]:
        """Run the attack; blocks come as they are finished (every few seconds).

        Raises:
            ModelError: a network was trained after it was prepared.
        """
        if self.watch is not None:
            self.watch.check()
        blocks = self._blocks()
        with freed_memory_kept() if self.watch is not None else nullcontext():
            while True:
                # The caller's code between two blocks keeps its own number formats.
                with float32_products(self.precision):
                    block = next(blocks, None)
                if block is None:
                    return
                yield block

    def _blocks(self) -> Iterator[Block]:
        with frozen(self.source, *self.victims):
            for index, batch in enumerate(self.examples.batches(self.batch_size)):
                start = index * self.batch_size
                given = None if self.targets is None else self.targets[start : start + len(batch)]
                yield from _run_batch(self, index, batch, given)


def prepare(
    attack: Attack,
    source: Any,
    images: Any,
    labels: Any = None,
    *,
    victims: Iterable[Any] = (),
    targets: Any = None,
    ids: Sequence[str] | None = None,
    seed: int = 0,
    batch_size: int | None = None,
    keep: Iterable[int] | Literal["all"] = (),
    precision: Precision = "exact",
    accelerate: bool | None = None,
) -> Job:
    """Check everything that can be checked before the first pass; arguments as for `trace`."""
    if isinstance(images, ImageSet):
        if labels is not None or ids is not None:
            raise DataError("an ImageSet brings its own labels and ids")
        examples = images
    elif labels is None:
        raise DataError("labels are missing: trace(attack, source, images, labels)")
    else:
        examples = ImageSet.from_arrays(images, labels, ids)
    if len(examples) == 0:
        raise DataError("there are no images to attack")
    if batch_size is not None and batch_size < 1:
        raise DataError(f"batch_size must be at least 1, got {batch_size}")
    if precision not in get_args(Precision):
        raise ValueError(f"precision must be {' or '.join(get_args(Precision))}, got {precision!r}")
    steps = range(attack.steps + 1)
    kept = frozenset(steps) if keep == "all" else frozenset(int(i) for i in keep) | {attack.steps}
    if not kept <= set(steps):
        raise AttackError(f"keep: iterations are 0 to {attack.steps}, got {sorted(kept - set(steps))}")
    white_box = as_source(source)
    models = tuple(as_model(victim) for victim in victims)
    names = name_victims(white_box.name, models)
    size = batch_size or default_batch_size(examples, white_box.device, precision)
    given = None if targets is None else torch.as_tensor(targets)
    if given is not None:
        # The number of classes is only known from the first answer; the shape is settled here.
        given = check_targets(given, examples.ids, examples.labels, torch.iinfo(torch.int32).max, attack.num_targets)
    job = Job(attack, white_box, models, names, examples, given, seed, size, kept, precision)
    if accelerate is None:
        accelerate = pays(job.passes, precision)
    return job.accelerated() if accelerate else job


def trace(
    attack: Attack,
    source: Any,
    images: Any,
    labels: Any = None,
    *,
    victims: Iterable[Any] = (),
    targets: Any = None,
    ids: Sequence[str] | None = None,
    seed: int = 0,
    batch_size: int | None = None,
    keep: Iterable[int] | Literal["all"] = (),
    precision: Precision = "exact",
    accelerate: bool | None = None,
    on_block: Callable[[Block], None] | None = None,
) -> "Trace":
    """Attack images on a source model and record every iteration, on the source and on every victim.

    Args:
        attack: what to run; see `presoftmax.attacks`.
        source: a `Classifier`, or an ``nn.Module`` that takes [0, 1] images ``(N, 3, H, W)`` and returns logits.
        images: an `ImageSet`, or uint8 ``(N, 3, H, W)``.
        labels: true classes ``(N,)``, where ``images`` is not an `ImageSet`.
        victims: models of the same classes that see each iteration: as the source, or any callable from uint8 images to
            logits.
        targets: one class or k classes for all examples, or a row for each ``(N, k)``; drawn from (seed, id) when left
            out (see `presoftmax.attacks.draw_targets`).
        ids: names of the examples; a hash of the pixels when left out.
        seed: for drawing targets.
        batch_size: examples attacked at a time; chosen from the size of the images and the device when left out.
            Results do not depend on it (beyond float rounding).
        keep: iterations whose images are kept besides the last, or ``"all"``.
        precision: ``"exact"``: float32 all the way; ``"fast"``: bfloat16 (or TF32) where that is faster (see
            `presoftmax.models.accelerated`).
        accelerate: whether networks are run as copies that compute the same faster (batch norms folded, another memory
            layout), checked on these images, and the process keeps freed memory while it runs (see
            `presoftmax.models.freed_memory_kept`). When left out, where the attack is long enough for it to pay.
        on_block: called with every finished block of iterations.

    Raises:
        AttackError: targets that do not fit.
        DataError: images or labels that do not fit.
        ModelError: a model that does not answer with logits, or has another number of classes.
        TypeError: a source without gradient.
    """
    job = prepare(
        attack, source, images, labels, victims=victims, targets=targets, ids=ids, seed=seed,
        batch_size=batch_size, keep=keep, precision=precision, accelerate=accelerate,
    )  # fmt: skip
    blocks = []
    for block in job.stream():
        blocks.append(block)
        if on_block is not None:
            on_block(block)
    return Trace(job, tuple(blocks))


@dataclass(frozen=True)
class Trace:
    """What an attack did, iteration by iteration.

    Attributes:
        job: what was run.
        blocks: what came of it; fewer than planned when it was interrupted.
    """

    job: Job
    blocks: tuple[Block, ...]

    def __post_init__(self) -> None:
        self._warn_of_vanished_gradients()
        broken = self.steps.filter(pl.col("predicted") == NOT_FINITE)["example"].n_unique()
        broken_at_victims = self.transfers.filter(pl.col("predicted") == NOT_FINITE)["example"].n_unique()
        if broken or broken_at_victims:
            warnings.warn(
                f"{self.job.attack.name}: logits became NaN or infinite for {broken} examples on the source and for "
                f"{broken_at_victims} on victims; their predicted class is {NOT_FINITE} there",
                PresoftmaxWarning,
                stacklevel=3,
            )

    def _warn_of_vanished_gradients(self) -> None:
        vanished = self.steps.filter("gradient_vanished")
        if vanished.height:
            examples, first = vanished["example"].n_unique(), min(vanished["iteration"])
            warnings.warn(
                f"{self.job.attack.name}: the gradient vanished for {examples} examples, first at iteration {first}: "
                "from there the attack went nowhere, or the wrong way; drive a logit or a margin instead",
                PresoftmaxWarning,
                stacklevel=4,
            )

    @cached_property
    def steps(self) -> pl.DataFrame:
        """One row per example and iteration, about the source; columns in `presoftmax.schema`."""
        return pl.concat([block.steps for block in self.blocks])

    @cached_property
    def transfers(self) -> pl.DataFrame:
        """One row per example, iteration and victim; columns in `presoftmax.schema`."""
        return pl.concat([block.transfers for block in self.blocks])

    @property
    def complete(self) -> bool:
        """Whether every batch reached the last iteration."""
        last = [block for block in self.blocks if block.iteration == self.job.attack.steps]
        return len(last) == self.job.batches

    @property
    def images(self) -> Tensor:
        """The adversarial images of the last iteration, uint8 ``(N, 3, H, W)``."""
        return self.images_at(self.job.attack.steps)

    @property
    def float_images(self) -> Tensor:
        """The float images in [0, 1] behind `images`, before rounding (with ``every-step``: after the last step)."""
        found = [block.float_images for block in self.blocks if block.float_images is not None]
        return torch.cat(found)

    def images_at(self, iteration: int) -> Tensor:
        """The images of a kept iteration, uint8 ``(N, 3, H, W)``.

        Raises:
            ValueError: it was not kept, or not reached.
        """
        found = [block.images[iteration] for block in self.blocks if iteration in block.images]
        if not found:
            raise ValueError(f"no images of iteration {iteration}; kept: {self.kept}")
        return torch.cat(found)

    @property
    def kept(self) -> list[int]:
        """The iterations whose images are there."""
        return sorted({iteration for block in self.blocks for iteration in block.images})


def default_batch_size(examples: ImageSet, device: torch.device, precision: Precision) -> int:
    """Examples attacked at a time where nothing else is asked for."""
    height, width = examples.images.shape[-2:]
    large, most = _BATCHES.get(device.type, _BATCHES["gpu"])[precision]
    return max(1, min(most, large * 224**2 // (height * width)))


def _run_batch(job: Job, index: int, batch: ImageSet, given: Tensor | None) -> Iterator[Block]:
    device = job.source.device
    recorder = Recorder(job.attack.name, job.source.name, job.victim_names, batch.ids)
    labels = batch.labels.to(device)
    ascent = Ascent(job.attack, job.source, batch, job.seed)
    previous = ascent.clean
    goal: Goal | None = None
    kept: dict[int, Tensor] = {}
    since = time.monotonic()
    for iteration in range(job.attack.steps + 1):
        look = ascent.look()
        logits, pixels = look.logits.detach(), look.pixels
        goal = goal or _goal(job, batch, logits, given, labels)
        vanished = ascent.differentiate(look, goal)
        with torch.no_grad():
            answers = [ask(victim, pixels).to(device) for victim in job.victims]
            if iteration == 0:
                _check_victims(job, logits, answers)
            record = perturbation_record(pixels, previous, ascent.clean)
            record["gradient_vanished"] = vanished
            recorded, floats = _source_logits(job, logits, pixels)
            recorder.add(iteration, record, recorded, answers, floats)
        if iteration in job.keep:
            kept[iteration] = pixels
        previous = pixels
        last = iteration == job.attack.steps
        if last or recorder.is_full or time.monotonic() - since >= _BLOCK_SECONDS:
            steps, transfers = recorder.flush(goal)
            images = {i: image.cpu() for i, image in kept.items()}
            yield Block(steps, transfers, images, ascent.floats.cpu() if last else None, index, iteration)
            kept, since = {}, time.monotonic()
        if not last:
            ascent.move(look)


def _source_logits(job: Job, logits: Tensor, pixels: Tensor) -> tuple[Tensor, Tensor | None]:
    """The source's logits of the recorded images, and of the float images if it saw those."""
    if job.attack.discretization.source_sees_pixels:
        return logits, None
    return ask(job.source, pixels), logits


def _goal(job: Job, batch: ImageSet, logits: Tensor, given: Tensor | None, labels: Tensor) -> Goal:
    """Check the source's logits of the clean images, and settle the targets."""
    check_logits(job.source, logits, len(batch))
    num_classes, count = logits.shape[1], job.attack.num_targets
    batch.check_labels(num_classes)
    if given is not None:
        targets = check_targets(given, batch.ids, batch.labels, num_classes, count).to(labels.device)
    elif job.attack.second_target is SecondTarget.RUNNER_UP:
        first = draw_targets(batch.ids, batch.labels, num_classes, 1, job.seed).to(labels.device)
        targets = runner_up(logits, labels, first[:, 0])
    else:
        targets = draw_targets(batch.ids, batch.labels, num_classes, count, job.seed).to(labels.device)
    return Goal(labels, targets)


def _check_victims(job: Job, logits: Tensor, answers: list[Tensor]) -> None:
    """Check the victims' answers to the clean images."""
    for victim, answer in zip(job.victims, answers, strict=True):
        check_logits(victim, answer, len(logits))
    widths = {name: answer.shape[1] for name, answer in zip(job.victim_names, answers, strict=True)}
    check_same_classes({job.source.name: logits.shape[1], **widths})


def name_victims(source: str, victims: Iterable[Model]) -> tuple[str, ...]:
    """Names of the victims that tables can tell apart: a repeated one gets its number."""
    count = Counter([source])
    names = []
    for victim in victims:
        count[victim.name] += 1
        names.append(victim.name if count[victim.name] == 1 else f"{victim.name}-{count[victim.name]}")
    return tuple(names)
