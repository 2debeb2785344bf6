"""HET's own metric: of the share k that a method puts first, how many transfer."""

from dataclasses import dataclass

import numpy as np

from presoftmax.analysis.events import Values
from presoftmax.analysis.prediction.concordance import Cells

__all__ = ["SHARES", "AtK", "transferability_at_k"]

SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class AtK:
    """Transferability at k (Levy et al. 2022, arXiv:2208.10878).

    Attributes:
        share: k, of the examples of a cell.
        value: share of those that a method puts first that transfer, averaged over cells by their size.
        random: expected of a random choice.
        bound: of the best choice there is.
    """

    share: float
    value: float
    random: float
    bound: float


def transferability_at_k(values: Values, cells: Cells) -> list[AtK]:
    """Of ``(R,)`` numbers, NaN left out; of equal ones every one counts alike. Empty where there is no cell."""
    parts = [rows[~np.isnan(values[rows])] for rows in cells.rows]
    total = sum(map(len, parts))
    if not total:
        return []
    sums = np.zeros((len(SHARES), 3))
    for rows in parts:
        if len(rows) == 0:
            continue
        chosen = np.maximum(1.0, np.array(SHARES) * len(rows))
        hits = cells.fooled[rows].astype(np.float64)
        first = np.interp(chosen, np.arange(len(rows) + 1), _cumulated(values[rows], hits)) / chosen
        bound = np.minimum(hits.sum(), chosen) / chosen
        sums += len(rows) * np.stack([first, np.full(len(SHARES), hits.mean()), bound], axis=1)
    return [AtK(share, *map(float, row)) for share, row in zip(SHARES, sums / total, strict=True)]


def _cumulated(values: Values, hits: Values) -> Values:
    """Hits among the first 0, 1, 2, ...; among equals, their mean."""
    order = np.argsort(-values, kind="stable")
    ordered, found = values[order], hits[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    sizes = np.diff(np.r_[starts, len(values)])
    means = np.add.reduceat(found, starts) / sizes
    total: Values = np.r_[0.0, np.cumsum(np.repeat(means, sizes))]
    return total
