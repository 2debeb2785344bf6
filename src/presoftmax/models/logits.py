"""Where the logits are in what a model returns."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

__all__ = ["logits_in"]


def logits_in(answer: Any) -> Any:
    """The logits: a tensor as it is, ``logits`` of an object or a dict, the first of a tuple that begins with them.

    Anything else is given back as it is, for whoever checks it to say.
    """
    if isinstance(answer, Tensor):
        return answer
    if isinstance(answer, Mapping):
        return answer.get("logits", answer)
    if isinstance(answer, tuple | list) and answer and isinstance(answer[0], Tensor) and answer[0].ndim == 2:
        return answer[0]
    return getattr(answer, "logits", answer)
