"""Answers that could be logits but hardly are: something was put behind the last layer."""

from torch import Tensor

__all__ = ["doubt"]

_ENOUGH = 50
"""Values from which a sign that never occurs is no accident."""
_REACHED = 0.99
"""How near to both of its bounds a tanh comes on some image or other; small logits hardly ever do."""


def doubt(logits: Tensor) -> str | None:
    """What answers ``(N, M)`` rather look like than logits, in words; None where nothing speaks against them.

    Logits have no bounds and both signs. Too few values to tell (fewer than 50) are not doubted.
    """
    if logits.numel() < _ENOUGH or logits.shape[1] < 2:
        return None
    low, high = float(logits.min()), float(logits.max())
    if low >= 0 and high <= 1:
        return "never answers outside [0, 1]: that looks like a sigmoid or another probability, not like logits"
    if low >= 0 and high <= 100 and bool(((logits.sum(1) - 100).abs() < 0.5).all()):
        return "answers with numbers that sum to 100: that looks like percent, not like logits"
    if low >= 0:
        return "never answers below 0: that looks like probabilities in other units, or a ReLU behind the logits"
    if high <= 0:
        return "never answers above 0: that looks like logarithms of probabilities, or distances, not like logits"
    if -1 <= low < -_REACHED and _REACHED < high <= 1:
        return "never answers outside [-1, 1]: that looks like a tanh, or a cosine, not like logits"
    return None
