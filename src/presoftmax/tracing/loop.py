"""The loop: the only place where an attack runs.

Per iteration: one forward pass of the source, which gives both the recorded logits and the gradient of the next step;
one backward pass to the image only; one forward pass of each victim; the record; the step. (The ``final``
discretization looks at the rounded image too: one more forward pass of the source. Attacks with views of their own make
passes for them: see `presoftmax.tracing.step`.) Nothing in an iteration waits for the device; records stay there and
are moved in blocks.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial

import polars as pl
import torch
from torch import Tensor

from presoftmax.attacks import Goal, SecondTarget, check_targets, draw_targets, runner_up
from presoftmax.choices import Precision
from presoftmax.data import ImageSet
from presoftmax.models import ask, check_logits, check_same_classes, frozen, keep_freed_memory, tf32
from presoftmax.printing import Printed
from presoftmax.tables import Recorder, perturbation_record
from presoftmax.tracing._gradients import gradients
from presoftmax.tracing._limits import reached
from presoftmax.tracing._rows import Answers, Rows
from presoftmax.tracing._unchanged import Unchanged, may_halt, never_draws
from presoftmax.tracing.job import Job
from presoftmax.tracing.step import AttackState, ForwardPass

__all__ = ["Block", "stream"]

_BLOCK_SECONDS = 3.0
_LEAST_PASSES = 50
_TOGETHER, _MOST_TOGETHER = 64, 1024
"""Images of 224 by 224 that are attacked side by side, and small ones: a batch of them at a time, all in memory."""


@dataclass(frozen=True, repr=False)
class Block(Printed):
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


def stream(job: Job) -> Iterator[Block]:
    """Run the attack; blocks come as they are finished (every few seconds).

    Raises:
        ModelError: a network was trained after it was prepared.
    """
    if job.watch is not None:
        job.watch.check()
    blocks = _blocks(job)
    with keep_freed_memory() if job.watch is not None else nullcontext(), frozen(job.source, *job.victims):
        while True:
            # The caller's code between two blocks keeps its own number formats and gradient modes.
            with tf32(job.precision is Precision.FAST), gradients():
                block = next(blocks, None)
            if block is None:
                return
            yield block


def _blocks(job: Job) -> Iterator[Block]:
    """Those of all batches, some of which go on side by side."""
    together = _batches_together(job)
    for first in range(0, job.batches, together):
        yield from run_batches(job, range(first, min(first + together, job.batches)))


def run_batches(job: Job, indices: Sequence[int]) -> Iterator[Block]:
    """Attack batches together, iteration by iteration; what did not change is not computed again."""
    batches = [_Batch(job, index) for index in indices]
    last = job.attack.steps
    unchanged = Unchanged(job, partial(_attack, job, watched=True))
    for iteration in range(last + 1):
        # The last pass takes no gradient, and so may round otherwise than those before it.
        moving = [each.rows for each in batches if iteration == last or not unchanged.whole(each.rows)]
        refilled = unchanged.refilled(moving, last - iteration)
        alone = [rows for rows in moving if not refilled or len(rows) < job.batch_size]
        for rows in (*alone, *(each.rows for each in refilled)):
            _attack(job, rows, watched=unchanged.possible)
        for each in refilled:
            each.give_back()
        for batch in batches:
            if batch.rows not in alone:
                batch.rows.state.pass_over()
            batch.blocks.record(iteration, batch.rows.known)
        if iteration == last or any(batch.blocks.is_full for batch in batches):
            yield from (batch.finish(iteration == last) for batch in batches)


def _batches_together(job: Job) -> int:
    """How many batches go on side by side, so that what has halted in one makes room for another."""
    height, width = job.examples.images.shape[-2:]
    images = max(1, _TOGETHER * 224**2 // (height * width))
    most = min(images, _MOST_TOGETHER) // job.batch_size
    # Two batches in turn draw other numbers than one after the other, if somebody draws.
    pays = job.batches > 1 and most > 1 and job.passes >= _LEAST_PASSES
    return most if pays and may_halt(job) and never_draws(job) else 1


class _Batch:
    """A batch of the job: its examples, and what is recorded of them."""

    def __init__(self, job: Job, index: int) -> None:
        start = index * job.batch_size
        examples = job.examples.select(range(start, min(start + job.batch_size, len(job.examples))))
        state = AttackState(job.attack, job.source, examples, job.seed)
        stopped = torch.zeros(len(examples), dtype=torch.bool, device=state.clean.device)
        self.rows = Rows(state, partial(_goal, job, examples, start), stopped)
        self.blocks = _BlockMaker(job, index, examples, state.clean)

    def finish(self, last: bool) -> Block:
        """The block of what was recorded since the last one."""
        return self.blocks.finish(self.rows.goal, self.rows.state.floats.cpu() if last else None)


def _attack(job: Job, rows: Rows, watched: bool) -> None:
    """An iteration of some examples: the passes of the source and of the victims, and the step.

    Args:
        job: the job.
        rows: the examples.
        watched: whether it is looked which images the step changed, which waits for the device.
    """
    first = rows.is_new
    forward = rows.state.forward()
    goal = rows.settle(forward.logits.detach())
    vanished = rows.state.backward(forward, goal)
    victims = _victim_logits(job, forward, check=first)
    source = _source_logits(job, forward)
    if job.stop_at is not None:
        rows.stopped = rows.stopped | reached(job.stop_at, source, goal)
        vanished = vanished & ~rows.stopped
    floats = None if job.attack.discretization.source_sees_pixels else forward.logits.detach()
    rows.answers = Answers(forward.pixels, vanished, source, victims, floats)
    if rows.state.has_next:
        rows.state.step(forward, None if job.stop_at is None else rows.stopped)
        if watched:
            rows.moved = rows.state.differs_from(forward.pixels)


class _BlockMaker:
    """Gathers iterations of a batch on the device, until they are a block."""

    def __init__(self, job: Job, index: int, batch: ImageSet, clean: Tensor) -> None:
        self._job, self._index, self._clean = job, index, clean
        self._recorder = Recorder(job.attack.name, job.source.name, job.victim_names, batch.ids, job.scores)
        self._previous = clean
        self._of_same: dict[str, Tensor] | None = None
        self._kept: dict[int, Tensor] = {}
        self._last = 0
        self._since = time.monotonic()

    @property
    def is_full(self) -> bool:
        """Whether a block should be finished: it takes memory, and whoever watches has waited for it."""
        return self._recorder.is_full or time.monotonic() - self._since >= _BLOCK_SECONDS

    @torch.no_grad()
    def record(self, iteration: int, answers: Answers) -> None:
        """Take an iteration."""
        pixels = answers.pixels
        same = pixels is self._previous
        record = self._of_same if same and self._of_same else perturbation_record(pixels, self._previous, self._clean)
        self._of_same = record if same else None
        record |= {"gradient_vanished": answers.vanished, "probe": torch.zeros_like(answers.vanished)}
        self._recorder.add(iteration, record, answers.source, answers.victims, answers.floats)
        if iteration in self._job.keep:
            self._kept[iteration] = pixels
        self._previous, self._last = pixels, iteration

    def finish(self, goal: Goal, float_images: Tensor | None = None) -> Block:
        """The block of what was taken since the last one."""
        steps, transfers = self._recorder.flush(goal)
        images = {iteration: pixels.cpu() for iteration, pixels in self._kept.items()}
        self._kept, self._since = {}, time.monotonic()
        return Block(steps, transfers, images, float_images, self._index, self._last)


@torch.no_grad()
def _source_logits(job: Job, forward: ForwardPass) -> Tensor:
    """The source's logits of the recorded images: one more pass where it saw the floats behind them."""
    if job.attack.discretization.source_sees_pixels:
        return forward.logits.detach()
    return ask(job.source, forward.pixels)


@torch.no_grad()
def _victim_logits(job: Job, forward: ForwardPass, check: bool) -> list[Tensor]:
    """Each victim's logits of the recorded images, on the source's device; those of the clean ones are checked."""
    shown = [ask(victim, forward.pixels).to(job.source.device) for victim in job.victims]
    if check:
        for victim, logits in zip(job.victims, shown, strict=True):
            check_logits(victim, logits, len(forward.pixels))
        widths = {name: logits.shape[1] for name, logits in zip(job.victim_names, shown, strict=True)}
        check_same_classes({job.source.name: forward.logits.shape[1], **widths})
    return shown


def _goal(job: Job, batch: ImageSet, start: int, logits: Tensor) -> Goal:
    """Check the source's logits of the clean images, and settle the targets."""
    check_logits(job.source, logits, len(batch))
    num_classes, count = logits.shape[1], job.attack.num_targets
    batch.check_labels(num_classes)
    labels = batch.labels.to(logits.device)
    if job.targets is not None:
        given = job.targets[start : start + len(batch)]
        targets = check_targets(given, batch.ids, batch.labels, num_classes, count).to(logits.device)
    elif job.attack.second_target is SecondTarget.RUNNER_UP:
        first = draw_targets(batch.ids, batch.labels, num_classes, 1, job.seed).to(logits.device)
        targets = runner_up(logits, labels, first[:, 0])
    else:
        targets = draw_targets(batch.ids, batch.labels, num_classes, count, job.seed).to(logits.device)
    return Goal(labels, targets, torch.arange(start, start + len(batch), device=logits.device))
