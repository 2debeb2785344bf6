"""Log-odds, margins and energy straight from the logits, in float64, that do not saturate.

A softmax probability stored in limited precision is exactly 1 from a modest gap on (16.64 in float32 for two
classes); the log-odds of the same class, ``z_c - logsumexp(z_k, k != c)``, goes on rising for ever. Every function
takes logits ``(N, M)`` of any floating dtype, computes in float64 and returns float64: float32 logits are exact in
float64, and so are the differences between them that matter, so nothing is lost but by the recording of the logits
themselves. All are differentiable, and can be the objective of an attack.

Values that are not finite mean:

* ``-inf``: a masked class, of probability 0. Its own log-odds are ``-inf``; for the others it is not there.
* ``+inf``: a class of probability 1; its log-odds are ``+inf``. Two of them have none (NaN).
* NaN: everything about that example is NaN.
"""

from typing import Any

import torch
from torch import Tensor

__all__ = [
    "confidence",
    "energy",
    "group_log_odds",
    "log_odds",
    "log_softmax",
    "logsumexp",
    "margin",
    "misclassification_log_odds",
]


class _LogOddsOfGroup(torch.autograd.Function):
    """``logsumexp(z_S) - logsumexp(z_notS)`` as ``(m_S - m_notS) + log1p(rest_S) - log1p(rest_notS)``.

    The two largest logits meet in one exact subtraction, and the small rest keeps its digits. The gradient is the
    softmax within the group, minus that within the others.
    """

    @staticmethod
    def forward(ctx: Any, z: Tensor, inside: Tensor) -> Tensor:
        group, others = (_peak(z.masked_fill(~mask, -torch.inf)) for mask in (inside, ~inside))
        ctx.save_for_backward(group[2], others[2])
        return (group[0] - others[0]) + (group[1] - others[1])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        group, others = (powers / powers.sum(dim=1, keepdim=True).clamp_min(1) for powers in ctx.saved_tensors)
        return gradients[0][:, None] * (group - others), None


def _peak(z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The largest value ``(N,)``, ``log1p`` of the rest relative to it ``(N,)``, and exp relative to it ``(N, M)``."""
    top, at = z.max(dim=1, keepdim=True)
    # An empty or wholly masked set has no peak to subtract: its exponentials are all 0. Of any other, one is 1.
    powers = torch.exp(z - torch.where(top == -torch.inf, 0.0, top))
    # exp(inf - inf) is NaN; a single infinite logit has all of the probability.
    powers = torch.where((top == torch.inf) & (z == torch.inf), 1.0, powers)
    rest = powers.scatter(1, at, 0.0).sum(dim=1)
    return top[:, 0], torch.log1p(rest), powers


def group_log_odds(logits: Tensor, group: Tensor) -> Tensor:
    """Log-odds of a group of classes against all others: ``logsumexp(z_S) - logsumexp(z_notS)``.

    An attack that raises several classes at once keeps each of them unsure; their sum it cannot hide.

    Args:
        logits: ``(N, M)``.
        group: integer classes ``(N, k)`` of each example's group; repeats count once.

    Returns:
        ``(N,)``, float64, any real number: ``+inf`` when the group is every class, ``-inf`` when it is empty.
    """
    inside = torch.zeros(logits.shape, dtype=torch.bool, device=logits.device).scatter_(1, group, True)
    odds: Tensor = _LogOddsOfGroup.apply(logits.double(), inside)
    return odds


def log_odds(logits: Tensor, classes: Tensor | None = None) -> Tensor:
    """Exact log-odds of one class per example, ``z_c - logsumexp(z_k, k != c) = log(p_c / (1 - p_c))``.

    Args:
        logits: ``(N, M)``.
        classes: ``(N,)`` integer classes; the top class of each example when left out.

    Returns:
        ``(N,)``, float64, any real number; ``+inf`` for a single class.
    """
    if classes is None:
        classes = logits.argmax(dim=1)
    return group_log_odds(logits, classes[:, None])


def misclassification_log_odds(logits: Tensor, labels: Tensor) -> Tensor:
    """Log-odds that the example is anything but its true class, ``log((1 - p_y) / p_y)``.

    No splitting of the logits over several wrong classes can mask it, and it never saturates.

    Args:
        logits: ``(N, M)``.
        labels: ``(N,)`` true classes.

    Returns:
        ``(N,)``, float64; above 0 when the true class has less than half of the probability.
    """
    return -log_odds(logits, labels)


def margin(logits: Tensor) -> Tensor:
    """Gap between the largest and the second largest logit, ``(N, M) -> (N,)``, float64, ``>= 0``.

    Infinite for a single class, which has no rival.
    """
    if logits.shape[1] < 2:
        return torch.full(logits.shape[:1], torch.inf, dtype=torch.float64, device=logits.device)
    top = torch.topk(logits, 2, dim=1).values.double()
    return top[:, 0] - top[:, 1]


def logsumexp(logits: Tensor) -> Tensor:
    """``log sum_k exp(z_k)``, ``(N, M) -> (N,)``, float64; ``-inf`` when every class is masked."""
    return torch.logsumexp(logits.double(), dim=1)


def energy(logits: Tensor) -> Tensor:
    """Negative free energy at temperature 1, the same as `logsumexp` (Liu et al. 2020, arXiv:2010.03759).

    The sign is the one under which larger means more activation; the paper's energy is its negative.
    """
    return logsumexp(logits)


def log_softmax(logits: Tensor) -> Tensor:
    """Log-probabilities ``(N, M)``, float64, that keep their digits near 0.

    ``torch.log_softmax`` returns exactly 0 for a saturated class; here that class gets ``-log1p(sum of the
    others relative to it)``.
    """
    z = logits.double()
    top, at = z.max(dim=1, keepdim=True)
    # inf - inf is NaN; a single infinite logit has all of the probability, two have none that could be told.
    infinite = z == torch.inf
    below = torch.where(infinite & (infinite.sum(dim=1, keepdim=True) == 1), 0.0, z - top)
    rest = torch.exp(below).scatter(1, at, 0.0).sum(dim=1, keepdim=True)
    return below - torch.log1p(rest)


def confidence(logits: Tensor) -> Tensor:
    """Softmax probability of the top class, computed and returned in the dtype of the logits.

    This is the number that everybody reports, kept as a baseline: from float32 logits it is exactly 1 once the log-odds
    passes about 16.6 (two classes) to 23.5 (a thousand equal rivals).

    Args:
        logits: ``(N, M)``.

    Returns:
        ``(N,)``, in ``[1/M, 1]``.
    """
    return torch.softmax(logits, dim=1).amax(dim=1)
