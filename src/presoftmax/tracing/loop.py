"""The loop: the only place where an attack runs.

Per iteration: one forward pass of the source, which gives both the recorded logits and the gradient of the next step;
one backward pass to the image only; one forward pass of each victim; the record; the step. (The ``final``
discretization looks at the rounded image too: one more forward pass of the source. Attacks with views of their own make
passes for them: see `presoftmax.tracing.step`.) Nothing in an iteration waits for the device; records stay there and
are moved in blocks.
"""

import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass

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
from presoftmax.tracing.job import Job
from presoftmax.tracing.step import AttackState, ForwardPass

__all__ = ["Block", "stream"]

_BLOCK_SECONDS = 3.0


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
    blocks = (block for index in range(job.batches) for block in run_batch(job, index))
    with keep_freed_memory() if job.watch is not None else nullcontext(), frozen(job.source, *job.victims):
        while True:
            # The caller's code between two blocks keeps its own number formats and gradient modes.
            with tf32(job.precision is Precision.FAST), gradients():
                block = next(blocks, None)
            if block is None:
                return
            yield block


def run_batch(job: Job, index: int) -> Iterator[Block]:
    """Attack one batch, iteration by iteration."""
    start = index * job.batch_size
    batch = job.examples.select(range(start, min(start + job.batch_size, len(job.examples))))
    state = AttackState(job.attack, job.source, batch, job.seed)
    blocks = _BlockMaker(job, index, batch, state.clean)
    goal: Goal | None = None
    stopped = torch.zeros(len(batch), dtype=torch.bool, device=state.clean.device)
    for iteration in range(job.attack.steps + 1):
        forward = state.forward()
        goal = goal or _goal(job, batch, start, forward.logits.detach())
        vanished = state.backward(forward, goal)
        victim_logits = _victim_logits(job, forward, check=iteration == 0)
        source_logits = _source_logits(job, forward)
        if job.stop_at is not None:
            stopped = stopped | reached(job.stop_at, source_logits, goal)
            vanished = vanished & ~stopped
        blocks.record(iteration, forward, vanished, source_logits, victim_logits)
        if iteration == job.attack.steps:
            yield blocks.finish(goal, state.floats.cpu())
        elif blocks.is_full:
            yield blocks.finish(goal)
        if iteration < job.attack.steps:
            state.step(forward, None if job.stop_at is None else stopped)


class _BlockMaker:
    """Gathers iterations of a batch on the device, until they are a block."""

    def __init__(self, job: Job, index: int, batch: ImageSet, clean: Tensor) -> None:
        self._job, self._index, self._clean = job, index, clean
        self._recorder = Recorder(job.attack.name, job.source.name, job.victim_names, batch.ids, job.scores)
        self._previous = clean
        self._kept: dict[int, Tensor] = {}
        self._last = 0
        self._since = time.monotonic()

    @property
    def is_full(self) -> bool:
        """Whether a block should be finished: it takes memory, and whoever watches has waited for it."""
        return self._recorder.is_full or time.monotonic() - self._since >= _BLOCK_SECONDS

    @torch.no_grad()
    def record(
        self,
        iteration: int,
        forward: ForwardPass,
        vanished: Tensor,
        source_logits: Tensor,
        victim_logits: list[Tensor],
    ) -> None:
        """Take an iteration."""
        job, pixels = self._job, forward.pixels
        record = perturbation_record(pixels, self._previous, self._clean)
        record["gradient_vanished"] = vanished
        record["probe"] = torch.zeros_like(vanished)
        floats = None if job.attack.discretization.source_sees_pixels else forward.logits.detach()
        self._recorder.add(iteration, record, source_logits, victim_logits, floats)
        if iteration in job.keep:
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
