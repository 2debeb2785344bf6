"""Which iterations are looked at more closely: dense at the beginning, where most happens."""

import numpy as np

__all__ = ["log_spaced"]


def log_spaced(steps: int, count: int) -> list[int]:
    """Iteration 0, iteration ``steps``, and about ``count`` in between, evenly spaced in their logarithm."""
    return sorted({0, *np.geomspace(1, steps, count).round().astype(int).tolist()})
