"""Ways of running the same network: graph simplified or not, memory layout, fused layers, number format."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch

from presoftmax.choices import Precision

__all__ = ["AS_GIVEN", "PORTABLE", "ModelVariant", "candidates", "tf32"]


@dataclass(frozen=True)
class ModelVariant:
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
    def parse(cls, text: str) -> "ModelVariant":
        """From what ``str`` makes of one."""
        return cls() if text == str(AS_GIVEN) else cls(**dict.fromkeys(text.split("+"), True))


AS_GIVEN = ModelVariant()
"""The network itself, whatever it is."""


PORTABLE = (ModelVariant(simplified=True, channels_last=True), ModelVariant(simplified=True))
"""Paths on which a network is made of PyTorch's own modules, and can be copied and moved to a GPU; the better first."""


def candidates(precision: Precision, device: torch.device) -> list[ModelVariant]:
    """The variants worth trying on a device, the usual best one first."""
    best = PORTABLE[0]
    fused = [replace(best, fused=True)] if device.type == "cpu" else []
    exact = [*fused, *PORTABLE]
    return (
        exact
        if precision is Precision.EXACT
        else [*(replace(variant, bfloat16=True) for variant in (*fused, best)), *exact]
    )


@contextmanager
def tf32(enabled: bool) -> Iterator[None]:
    """Let a GPU round float32 numbers to TF32 where it multiplies them, or forbid it, for a while."""
    convolutions, products = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = enabled
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = convolutions, products
