"""When a gradient has vanished: one rule for attacks that run here and for those that are recorded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from presoftmax.lazy import deferred

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = deferred("torch")

__all__ = ["vanished"]


def vanished(gradients: Sequence[Tensor], by_logit: Tensor | None = None, classes: Tensor | None = None) -> Tensor:
    """For which examples there is no gradient to go by, bool ``(N,)``.

    It is zero everywhere, or zero in the logits that the loss is about: what is left of it then points somewhere else.

    Args:
        gradients: each ``(N, ...)``; all must be zero.
        by_logit: of the loss in the logits, ``(V, N, M)``, of V views.
        classes: what the loss is about, ``(N,)`` or ``(N, k)``; zero in all of them, in every view, is vanished.
    """
    # Not flattened: that would copy a gradient that lies channels-last.
    zero = torch.stack([each.abs().amax(dim=tuple(range(1, each.ndim))) == 0 for each in gradients]).all(dim=0)
    if by_logit is None or classes is None:
        return zero
    wanted = classes.reshape(len(classes), -1).expand(len(by_logit), -1, -1)
    return zero | (by_logit.gather(2, wanted) == 0).all(dim=2).all(dim=0)
