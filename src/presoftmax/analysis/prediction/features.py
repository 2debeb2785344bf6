"""The few columns that a fitted prediction stands on; the same for a study's points and for finished examples."""

from dataclasses import dataclass

import numpy as np

from presoftmax.analysis.events import Values
from presoftmax.printing import Printed
from presoftmax.scores import expected_transfer, signed_log

__all__ = ["CLEAN_VICTIM", "FEATURES", "Known", "features"]

FEATURES = ("surrogates", "share_fooled", "own_copies", "log_l2", "natural_ca1")
"""Columns of `features`, in their order. None depends on how many surrogates there are: with the weakest and the
strongest of them among the columns, what was fitted with four and asked with three was off by five times as much."""

CLEAN_VICTIM = "clean_victim"
"""The further column of a victim that answers one benign query: its scaled log-odds of the clean image."""


@dataclass(frozen=True, repr=False)
class Known(Printed):
    """What is known of N examples.

    Attributes:
        surrogates: log-odds of each surrogate in units of its scale, ``(N, U)``; NaN where it was not asked.
        fooled: whether each surrogate is, ``(N, U)``: 1, 0 or NaN.
        copies: the source's log-odds over copies of the image, in units of its scale, ``(N,)``.
        l2: norm of the perturbation in grey levels a pixel value (divided by the square root of their number),
            ``(N,)``.
        natural_ca1: the source's CA1, in standard deviations from the mean of natural images, ``(N,)``.
    """

    surrogates: Values
    fooled: Values
    copies: Values
    l2: Values
    natural_ca1: Values


def features(known: Known) -> Values:
    """The columns of `FEATURES`, ``(N, F)``; 0 stands for what is not known.

    Logarithms keep what has no bound from drowning the rest.
    """
    seen = np.isfinite(known.fooled)
    share = np.where(seen, known.fooled, 0.0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    columns = (
        expected_transfer(known.surrogates),
        share,
        signed_log(known.copies),
        np.log(np.maximum(known.l2, 1e-3)),
        signed_log(known.natural_ca1),
    )
    found: Values = np.nan_to_num(np.stack(columns, axis=1), nan=0.0, posinf=0.0, neginf=0.0)
    return found
