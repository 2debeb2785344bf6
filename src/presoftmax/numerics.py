"""Log-odds and margins straight from the logits, in float64, that do not saturate.

A softmax probability stored in limited precision is exactly 1 from a modest gap on (16.64 in float32 for two
classes); the log-odds of the same class, ``z_c - logsumexp(z_k, k != c)``, goes on rising for ever. Every
function takes logits ``(N, M)`` of any floating dtype, computes in float64 and returns ``(N,)``.
"""

import torch
from torch import Tensor

__all__ = [
    "confidence",
    "group_log_odds",
    "log_odds",
    "logsumexp",
    "margin",
    "misclassification_log_odds",
]


def confidence(logits: Tensor) -> Tensor:
    """Softmax probability of the top class, computed and returned in the dtype of the logits.

    This is the number that everybody reports, kept as a baseline: from float32 logits it is exactly 1 once the
    log-odds passes about 16.6 (two classes) to 23.5 (a thousand equal rivals).

    Args:
        logits: ``(N, M)``.

    Returns:
        ``(N,)``, in ``[1/M, 1]``.
    """
    return torch.softmax(logits, dim=1).amax(dim=1)


def logsumexp(logits: Tensor) -> Tensor:
    """Free energy ``log sum_k exp(z_k)``, ``(N, M) -> (N,)``, float64 (Liu et al. 2020, arXiv:2010.03759)."""
    return torch.logsumexp(logits.double(), dim=1)


def margin(logits: Tensor) -> Tensor:
    """Gap between the largest and the second largest logit, ``(N, M) -> (N,)``, float64, ``>= 0``.

    Infinite for a single class, which has no rival.
    """
    if logits.shape[1] < 2:
        return torch.full(logits.shape[:1], torch.inf, dtype=torch.float64, device=logits.device)
    top = torch.topk(logits, 2, dim=1).values.double()
    return top[:, 0] - top[:, 1]


def group_log_odds(logits: Tensor, group: Tensor) -> Tensor:
    """Log-odds of a group of classes against all others: ``logsumexp(z_S) - logsumexp(z_notS)``.

    An attack that raises several classes at once keeps each of them unsure; their sum it cannot hide.

    Args:
        logits: ``(N, M)``.
        group: integer classes ``(N, k)`` of each example's group; repeats count once.

    Returns:
        ``(N,)``, float64, any real number: ``+inf`` when the group is every class, ``-inf`` when it is empty.
    """
    z = logits.double()
    inside = torch.zeros(z.shape, dtype=torch.bool, device=z.device).scatter_(1, group, True)
    # Differences from the top are exact in float64 for float32 logits, so nothing is lost to the common size.
    z = z - z.detach().amax(dim=1, keepdim=True)
    group_sum = torch.logsumexp(z.masked_fill(~inside, -torch.inf), dim=1)
    other_sum = torch.logsumexp(z.masked_fill(inside, -torch.inf), dim=1)
    return group_sum - other_sum


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
