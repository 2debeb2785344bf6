"""Random numbers that belong to an example, so that no batch, order, shard or machine changes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

from presoftmax.lazy import deferred

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = deferred("torch")

__all__ = ["Draws", "seed_of"]


def seed_of(*parts: object) -> int:
    """64 bits, a hash of the parts as text: what is drawn from it is the same in any batch, order and machine."""
    key = "\0".join(map(str, parts))
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big")


@dataclass(frozen=True)
class Draws:
    """What the examples of a batch draw at an iteration.

    Attributes:
        seed: of the run.
        ids: the ``N`` examples.
        iteration: the image that is drawn for.
        view: which of the views of the image draws, from 0.
    """

    seed: int
    ids: Sequence[str]
    iteration: int
    view: int = 0

    def uniform(self, purpose: str, *shape: int) -> Tensor:
        """Float32 ``(N, *shape)`` in [0, 1), on the CPU: a function of seed, id, iteration, view, purpose and shape."""
        return torch.stack([torch.rand(shape, generator=self._generator(name, purpose)) for name in self.ids])

    def _generator(self, name: str, purpose: str) -> torch.Generator:
        parts = (self.seed, name, self.iteration, purpose, *([self.view] if self.view else []))
        return torch.Generator().manual_seed(seed_of(*parts))
