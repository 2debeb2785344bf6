"""Ways of running the same network: graph simplified or not, memory layout, fused layers, number format."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal

import torch

__all__ = ["AS_GIVEN", "PORTABLE", "ModelPath", "Precision", "candidates", "float32_products"]

Precision = Literal["exact", "fast"]
"""``exact``: float32 all the way. ``fast``: bfloat16, or TF32 products where there are any, if that is faster."""


@dataclass(frozen=True)
class ModelPath:
    """How a network is run.

    Attributes:
        simplified: batch norms folded, activations in place (see `presoftmax.models.fast._simplify`), normalization
            in one step.
        channels_last: memory layout of the weights, and so of all activations.
        fused: each convolution with what follows it in one pass over memory (see
            `presoftmax.models.fast._fused_convolution`); on a CPU only.
        bfloat16: number format of weights and activations; logits are float32 in any case.
    """

    simplified: bool = False
    channels_last: bool = False
    fused: bool = False
    bfloat16: bool = False

    def __str__(self) -> str:
        return "+".join(name for name, chosen in vars(self).items() if chosen) or "as given"

    @classmethod
    def parse(cls, text: str) -> "ModelPath":
        """From what ``str`` makes of one."""
        return cls() if text == str(AS_GIVEN) else cls(**dict.fromkeys(text.split("+"), True))


AS_GIVEN = ModelPath()
"""The network itself, whatever it is."""


PORTABLE = (ModelPath(simplified=True, channels_last=True), ModelPath(simplified=True))
"""Paths on which a network is made of PyTorch's own modules, and can be copied and moved to a GPU; the better first."""


def candidates(precision: Precision, device: torch.device) -> list[ModelPath]:
    """The paths worth trying on a device, the usual best one first."""
    best = PORTABLE[0]
    fused = [replace(best, fused=True)] if device.type == "cpu" else []
    exact = [*fused, *PORTABLE]
    return exact if precision == "exact" else [*(replace(path, bfloat16=True) for path in (*fused, best)), *exact]


@contextmanager
def float32_products(precision: Precision) -> Iterator[None]:
    """Let a GPU multiply float32 numbers as they are (``exact``), or rounded to TF32 (``fast``), for a while."""
    convolutions, products = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = precision == "fast"
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = convolutions, products
