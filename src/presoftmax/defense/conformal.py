"""From a statistic to a p-value: how rare it is among natural images that nothing was fitted to.

The rank of a statistic among those of n natural images gives a p-value that is valid whatever the statistic is, as long
as the images come from where the natural ones do (conformal p-values; Vovk et al. 2005, Bates et al. 2023,
arXiv:2104.08279): ``P(p <= a) <= a``.
"""

import math
from dataclasses import dataclass

import torch
from scipy import stats
from torch import Tensor

from presoftmax.errors import DataError

__all__ = ["FalsePositives", "false_positives", "p_values", "smallest_rate", "surprise", "threshold"]

_TAIL_SHARE = 0.1
_TINY = 1e-12


def p_values(natural: Tensor, statistics: Tensor) -> Tensor:
    """``(1 + #{natural >= s}) / (n + 1)`` of each statistic, ``(N,)`` float64; ties count against the image's guilt.

    Args:
        natural: statistics of natural images, ascending ``(n,)``.
        statistics: ``(N,)``; the larger, the more suspicious.
    """
    below = torch.searchsorted(natural, statistics.detach().to(natural).contiguous(), side="left")
    return (1 + len(natural) - below).double() / (len(natural) + 1)


def smallest_rate(count: int) -> float:
    """The smallest false-positive rate that n natural images can set a threshold for, ``1 / (n + 1)``."""
    return 1 / (count + 1)


def threshold(natural: Tensor, fpr: float) -> float:
    """The statistic above which an image is flagged, so that at most a share ``fpr`` of natural ones is.

    Raises:
        DataError: a rate that is none, or that takes more natural images than there are.
    """
    if not 0 < fpr < 1:
        raise DataError(f"a false-positive rate lies between 0 and 1, got {fpr}")
    flagged = _flagged(len(natural), fpr)
    if flagged == 0:
        raise DataError(
            f"a false-positive rate of {fpr:g} takes {math.ceil(1 / fpr) - 1} natural images to set a threshold with, "
            f"there are {len(natural)}: at least {smallest_rate(len(natural)):.2g}, or more images"
        )
    return float(natural[len(natural) - flagged])


@dataclass(frozen=True)
class FalsePositives:
    """What the false-positive rate of a threshold can be, given how few images set it: its mean and 95 %."""

    expected: float
    low: float
    high: float


def false_positives(count: int, fpr: float) -> FalsePositives:
    """The rate that a threshold for ``fpr`` from n natural images really has: a Beta law (Vovk 2012)."""
    flagged = _flagged(count, fpr)
    law = stats.beta(flagged, count + 1 - flagged)
    return FalsePositives(float(law.mean()), float(law.ppf(0.025)), float(law.ppf(0.975)))


def _flagged(count: int, fpr: float) -> int:
    """How many of the largest natural statistics are at least the threshold."""
    return math.floor(fpr * (count + 1) + 1e-9)


def surprise(natural: Tensor, statistics: Tensor) -> Tensor:
    """Minus the log of a smooth p-value, ``(N,)``, in nats: differentiable, and without an end.

    Between the natural statistics the log of the p-value is interpolated; above all of them it goes on falling as an
    exponential law with the mean excess of their upper tenth, so that what is far beyond every natural image still
    differs. It is a surrogate for attackers and for sums of detectors: what is flagged is decided by `p_values`.

    Args:
        natural: ascending ``(n,)``, n at least 2.
        statistics: ``(N,)``.
    """
    x = statistics.to(natural)
    count = len(natural)
    survival = -torch.log((count - torch.arange(count, device=natural.device, dtype=natural.dtype)) / (count + 1))
    # Counted rather than searched, which ONNX cannot.
    upper = (natural <= x.detach()[:, None]).sum(dim=1).clamp(1, count - 1)
    low, high = natural[upper - 1], natural[upper]
    share = ((x - low) / (high - low).clamp_min(_TINY)).clamp(0, 1)
    inside = survival[upper - 1] + share * (survival[upper] - survival[upper - 1])
    tail = max(1, round(_TAIL_SHARE * count))
    scale = (natural[-tail:].mean() - natural[-tail - 1]).clamp_min(_TINY)
    return inside + (x - natural[-1]).clamp_min(0) / scale
