"""Random numbers that belong to an example, so that no batch, order, shard or machine changes them."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from presoftmax.attacks.hashing import number_of

__all__ = ["Draws"]


@dataclass(frozen=True)
class Draws:
    """What the examples of a batch draw at an iteration.

    Attributes:
        seed: of the run.
        ids: the ``N`` examples.
        iteration: the image that is drawn for.
    """

    seed: int
    ids: Sequence[str]
    iteration: int

    def uniform(self, purpose: str, *shape: int) -> Tensor:
        """Float32 ``(N, *shape)`` in [0, 1), on the CPU: a function of seed, id, iteration, purpose and shape."""
        return torch.stack([torch.rand(shape, generator=self._generator(name, purpose)) for name in self.ids])

    def _generator(self, name: str, purpose: str) -> torch.Generator:
        return torch.Generator().manual_seed(number_of(self.seed, name, self.iteration, purpose))
