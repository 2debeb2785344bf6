"""Where softmax saturates, found by search on the kernels of this machine."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from presoftmax.numerics.formats import FORMATS, Format

__all__ = ["GradientError", "SaturationRow", "cross_entropy_gradient", "gradient_errors", "saturation_table"]

_WIDEST = 2048.0
_SCAN = 512
_AGREE = 0.005


@dataclass(frozen=True)
class SaturationRow:
    """Thresholds of one format for one number of classes, as gaps between the top logit and equal rivals at 0.

    Attributes:
        format: name of the format.
        classes: number of classes, the top one included.
        gap_measured: the smallest gap from which on the top probability is exactly 1 on this machine, winner first.
        gap_measured_last: the same with the winner last: the order of summation can matter.
        gap_derived: the same by derivation.
        log_odds_measured: log-odds at the measured gap.
        log_odds_derived: log-odds of the derived one; the same for any number of classes.
        rivals_zero: the gap from which on the rivals' probabilities are exactly 0.
        gradient_zero: the gap from which on the cross-entropy's gradient in the top logit is exactly 0, for the
            dtypes of kernels; None for formats that are only stored or printed.
        reason: why measured and derived differ; empty where they agree to 0.005.
    """

    format: str
    classes: int
    gap_measured: float
    gap_measured_last: float
    gap_derived: float
    log_odds_measured: float
    log_odds_derived: float
    rivals_zero: float
    gradient_zero: float | None
    reason: str


@dataclass(frozen=True)
class GradientError:
    """The float32 cross-entropy's gradient at a gap, against float64.

    Attributes:
        gap: between the top logit and its one rival.
        exact: derivative in the top logit, ``p - 1``, computed as ``-1 / (1 + exp(gap))`` in float64.
        float32: what ``torch.nn.functional.cross_entropy`` gives in float32.
        relative_error: of the latter; 1 where it is exactly 0.
        rival_float32: derivative in the rival's logit in float32; where it is not 0 while the top's is, the
            direction of the gradient is wrong.
    """

    gap: float
    exact: float
    float32: float
    relative_error: float
    rival_float32: float


def saturation_table(
    classes: Sequence[int] = (2, 10, 1000), device: str | torch.device = "cpu", formats: Sequence[Format] = FORMATS
) -> list[SaturationRow]:
    """Search the thresholds of every format and number of classes on a device.

    Raises:
        ValueError: fewer than two classes.
    """
    if min(classes) < 2:
        raise ValueError(f"saturation needs at least 2 classes, got {min(classes)}")
    return [_row(kind, count, torch.device(device)) for kind in formats for count in classes]


def _row(kind: Format, classes: int, device: torch.device) -> SaturationRow:
    def top(gaps: Tensor, at: int) -> Tensor:
        return kind.probabilities(_logits(gaps, classes, at, device))[:, at].cpu()

    measured = _first_gap(lambda gaps: top(gaps, 0) == 1)
    last = _first_gap(lambda gaps: top(gaps, classes - 1) == 1)
    rivals = _first_gap(lambda gaps: kind.probabilities(_logits(gaps, classes, 0, device))[:, 1].cpu() == 0)
    differentiable = kind.kernel == kind.stored and kind.decimals is None
    gradient = (
        _first_gap(lambda gaps: _gradients(gaps, classes, kind.kernel, device)[:, 0] == 0) if differentiable else None
    )
    derived = kind.gap(classes)
    return SaturationRow(
        kind.name, classes, measured, last, derived, measured - math.log(classes - 1), kind.log_odds, rivals, gradient,
        _reason(kind, measured, derived),
    )  # fmt: skip


def _logits(gaps: Tensor, classes: int, at: int, device: torch.device) -> Tensor:
    logits = torch.zeros(len(gaps), classes, dtype=torch.float64, device=device)
    logits[:, at] = gaps.to(device)
    return logits


def _gradients(gaps: Tensor, classes: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Gradient ``(N, M)`` of the cross-entropy of the top class 0, on the CPU."""
    target = torch.zeros(len(gaps), dtype=torch.int64, device=device)
    return cross_entropy_gradient(_logits(gaps, classes, 0, device).to(dtype), target).cpu()


def cross_entropy_gradient(logits: Tensor, classes: Tensor) -> Tensor:
    """What ``torch.nn.functional.cross_entropy`` gives as the gradient in the logits.

    Args:
        logits: ``(N, M)``, of the dtype in which to compute.
        classes: ``(N,)``, the class of each example.

    Returns:
        ``(N, M)``, the gradient of each example's own cross-entropy.
    """
    leaf = logits.detach().requires_grad_()
    return torch.autograd.grad(F.cross_entropy(leaf, classes, reduction="sum"), leaf)[0]


def _first_gap(holds: Callable[[Tensor], Tensor]) -> float:
    """The smallest gap from which on a condition holds, to float32 resolution; infinite if it does not by 2048.

    The condition need not be monotone near the threshold, where rounding decides: each pass scans a whole grid and
    goes on below the point from which on it held without a break.
    """
    low, high = 0.0, _WIDEST
    if not bool(holds(torch.tensor([high], dtype=torch.float64))):
        return math.inf
    while high - low > 1e-7 * max(1.0, high):
        grid = torch.linspace(low, high, _SCAN, dtype=torch.float64)
        broken = (~holds(grid)).nonzero()
        if len(broken) == 0:
            return low
        last = int(broken[-1])
        low, high = float(grid[last]), float(grid[min(last + 1, _SCAN - 1)])
    return high


def _reason(kind: Format, measured: float, derived: float) -> str:
    if abs(measured - derived) <= _AGREE:
        return ""
    if kind.decimals is None and kind.kernel in (torch.bfloat16, torch.float16):
        return "the logits are rounded to the format before the softmax sees them"
    return "order of summation: rivals too small to change a partial sum vanish one by one"


def gradient_errors(gaps: Sequence[float], device: str | torch.device = "cpu") -> list[GradientError]:
    """How wrong the float32 cross-entropy's gradient is in the top logit of two classes, at these gaps."""
    found = _gradients(torch.tensor(list(gaps), dtype=torch.float64), 2, torch.float32, torch.device(device)).double()
    rows = []
    for gap, (top, rival) in zip(gaps, found.tolist(), strict=True):
        # The gap that the kernel sees is the float32 one.
        seen = float(torch.tensor(gap, dtype=torch.float32))
        exact = -1 / (1 + math.exp(seen)) if seen < 700 else -math.exp(-seen)
        rows.append(GradientError(gap, exact, top, abs(top - exact) / abs(exact), rival))
    return rows
