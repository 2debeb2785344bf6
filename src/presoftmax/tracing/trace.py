"""Attack images on a source, and what came of it."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Unpack

import polars as pl
import torch
from torch import Tensor

from presoftmax.attacks import Attack
from presoftmax.errors import PresoftmaxWarning
from presoftmax.tables import NOT_FINITE
from presoftmax.tracing.job import Job, JobOptions, prepare
from presoftmax.tracing.loop import Block, stream

__all__ = ["Trace", "trace"]


def trace(
    attack: Attack,
    source: Any,
    images: Any,
    labels: Any = None,
    *,
    on_block: Callable[[Block], None] | None = None,
    **options: Unpack[JobOptions],
) -> "Trace":
    """Attack images on a source model and record every iteration, on the source and on every victim.

    Args:
        attack: what to run; see `presoftmax.attacks`.
        source: a `Classifier`, or an ``nn.Module`` that takes [0, 1] images ``(N, 3, H, W)`` and returns logits.
        images: an `ImageSet`, or uint8 ``(N, 3, H, W)``.
        labels: true classes ``(N,)``, where ``images`` is not an `ImageSet`.
        on_block: called with every finished block of iterations.
        options: keywords, those of `JobOptions`:

    Keywords:
        victims: models of the same classes that see each iteration: ``{"vgg": net}``, several, or one; each as the
            source, or any callable from uint8 images to logits.
        targets: one class or k classes for all examples, or a row for each ``(N, k)``; drawn from (seed, id) when left
            out (see `presoftmax.attacks.draw_targets`).
        ids: names of the examples; a hash of the pixels when left out.
        seed: for drawing targets.
        batch_size: examples attacked at a time; chosen from the size of the images and the device when left out.
            Results do not depend on it (beyond float rounding).
        keep: iterations whose images are kept besides the last, or ``"all"``.
        precision: ``"exact"``: float32 all the way; ``"fast"``: bfloat16 (or TF32) where that is faster (see
            `presoftmax.models.accelerate`).
        accelerate: whether networks are run as copies that compute the same faster (batch norms folded, another memory
            layout), checked on these images, and the process keeps freed memory while it runs (see
            `presoftmax.models.keep_freed_memory`). When left out, where the attack is long enough for it to pay.
        scores: scores of one's own, recorded as further columns of `steps`; see `presoftmax.scores.score`.

    Raises:
        AttackError: targets that do not fit.
        DataError: images or labels that do not fit.
        ModelError: a model that does not answer with logits, or has another number of classes.
        TypeError: a source without gradient.
    """
    job = prepare(attack, source, images, labels, **options)
    blocks = []
    for block in stream(job):
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
