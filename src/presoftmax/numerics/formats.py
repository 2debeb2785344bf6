"""The number formats in which a softmax probability is held, and where, by derivation, it becomes exactly 1."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["FORMATS", "Format"]


@dataclass(frozen=True)
class Format:
    """A way to hold a softmax probability.

    Attributes:
        name: how tables call it.
        kernel: dtype of the logits that ``torch.softmax`` gets.
        stored: dtype in which its result is kept, where that is another one.
        decimals: decimals to which the result is printed; None where the value itself is kept.
        largest_rest: the probability is exactly 1 while ``S``, the sum of ``exp(z_k - z_c)`` over the rivals, is at
            most so much.
    """

    name: str
    kernel: torch.dtype
    stored: torch.dtype
    decimals: int | None
    largest_rest: float

    @property
    def log_odds(self) -> float:
        """Log-odds from which the probability is exactly 1, ``-log(largest_rest)``."""
        return -math.log(self.largest_rest)

    def gap(self, classes: int) -> float:
        """The same as a gap between the top logit and ``classes - 1`` equal rivals."""
        return self.log_odds + math.log(classes - 1)

    def probabilities(self, logits: Tensor) -> Tensor:
        """Softmax ``(N, M)`` of logits ``(N, M)`` as this format holds it, in float64."""
        held = torch.softmax(logits.to(self.kernel), dim=1).to(self.stored).double()
        return held if self.decimals is None else torch.round(held, decimals=self.decimals)


def _printed(decimals: int) -> Format:
    """Rounds up to 1 when 1 - p = S / (1 + S) is at most half a unit of the last decimal."""
    half = 0.5 * 10.0**-decimals
    return Format(f"{decimals} decimals", torch.float32, torch.float32, decimals, half / (1 - half))


def _computed(dtype: torch.dtype) -> Format:
    """The kernel adds 1 + S in the format itself: the sum is 1 up to S = eps / 2 (the tie goes to the even 1)."""
    return Format(_name(dtype), dtype, dtype, None, torch.finfo(dtype).eps / 2)


def _stored(dtype: torch.dtype, kernel: torch.dtype) -> Format:
    """The kernel computes in float32, then rounds p: it becomes 1 while 1 - p <= eps / 4, half the step below 1."""
    short = torch.finfo(dtype).eps / 4
    return Format(_name(dtype), kernel, dtype, None, short / (1 - short))


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _float8() -> list[Format]:
    """float8 can only be stored, and only by versions of torch that know it."""
    dtypes = [getattr(torch, name) for name in ("float8_e4m3fn", "float8_e5m2") if hasattr(torch, name)]
    return [_stored(dtype, torch.float32) for dtype in dtypes]


FORMATS: tuple[Format, ...] = (
    _printed(2),
    _printed(4),
    *_float8(),
    _stored(torch.bfloat16, torch.bfloat16),
    _stored(torch.float16, torch.float16),
    _computed(torch.float32),
    _computed(torch.float64),
)
"""Printed decimals (of a float32 softmax), then floats from the coarsest to the finest."""
