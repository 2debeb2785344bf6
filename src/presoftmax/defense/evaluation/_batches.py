"""A job's batches, one after the other, each whole: its tables, and the images that were kept."""

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl
import torch
from torch import Tensor

from presoftmax.tracing import Block, Job, stream

__all__ = ["Batch", "batches"]


@dataclass(frozen=True)
class Batch:
    """A batch of examples over all iterations.

    Attributes:
        steps: its rows of `steps`.
        transfers: its rows of `transfers`.
        ids: of its examples.
        kept: images uint8 ``(N, 3, H, W)`` by iteration.
    """

    steps: pl.DataFrame
    transfers: pl.DataFrame
    ids: tuple[str, ...]
    kept: dict[int, Tensor]

    def images(self, rows: pl.DataFrame) -> Tensor:
        """Those of ``example, iteration`` rows, in their order."""
        position = {example: i for i, example in enumerate(self.ids)}
        pairs = rows.select("example", "iteration").iter_rows()
        return torch.stack([self.kept[iteration][position[example]] for example, iteration in pairs])


def batches(job: Job) -> Iterator[Batch]:
    """Run a job; one batch is held at a time."""
    gathered: list[Block] = []
    for block in stream(job):
        gathered.append(block)
        if block.iteration == job.attack.steps:
            start = block.batch * job.batch_size
            yield Batch(
                steps=pl.concat([each.steps for each in gathered]),
                transfers=pl.concat([each.transfers for each in gathered]),
                ids=tuple(job.examples.ids[start : start + job.batch_size]),
                kept={i: image for each in gathered for i, image in each.images.items()},
            )
            gathered = []
