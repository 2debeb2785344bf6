"""What several detectors take from logits, all differentiable in them."""

import torch
from torch import Tensor

from presoftmax.defense.conformal import surprise

__all__ = ["both_tails", "by_class", "margins", "shrunk_means", "top_class"]

_PRIOR_IMAGES = 5.0


def top_class(logits: Tensor) -> Tensor:
    """The predicted class ``(N,)`` of views ``(V, N, M)``: of the image itself."""
    return logits[0].argmax(dim=1)


def margins(logits: Tensor) -> Tensor:
    """What every view leaves of the margin of the image's own top class, ``(V, N, M) -> (V, N)``."""
    top = top_class(logits)[None, :, None].expand(len(logits), -1, 1)
    own = logits.gather(2, top)[..., 0]
    return own - logits.scatter(2, top, -torch.inf).amax(dim=2)


def both_tails(natural: Tensor, values: Tensor) -> Tensor:
    """How rare a value is at the end at which it is rarer: minus the log of a one-sided smooth p-value, ``(N,)``.

    Args:
        natural: ascending ``(n,)``.
        values: ``(N,)``.
    """
    return torch.maximum(surprise(natural, values), surprise(-natural.flip(0), -values))


def by_class(classes: Tensor, count: int) -> Tensor:
    """Which image is of which class, float64 ``(M, N)``."""
    return (torch.arange(count, device=classes.device)[:, None] == classes).double()


def shrunk_means(values: Tensor, classes: Tensor, count: int) -> Tensor:
    """Mean of values ``(N,)`` for each class ``(M,)``, drawn to the mean of all as if by five images more."""
    members = by_class(classes, count)
    return (members @ values + _PRIOR_IMAGES * values.mean()) / (members.sum(dim=1) + _PRIOR_IMAGES)
