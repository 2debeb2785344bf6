"""How well a number ranks what transferred, within cells: the area under the ROC curve, resampled by image."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from presoftmax.analysis.bootstrap import quantiles, resampled_counts
from presoftmax.analysis.events import Flags, Values
from presoftmax.printing import Printed

__all__ = ["Auroc", "Cells", "auroc", "difference", "numbered"]

_ROUNDS = 200


@dataclass(frozen=True, repr=False)
class Cells(Printed):
    """Rows in the groups in which they are compared.

    Attributes:
        fooled: whether each row transferred, bool ``(R,)``.
        image: which image it is of, integers ``(R,)``: the unit that is resampled.
        rows: per cell, the positions of its rows; only cells in which some transferred and some did not.
    """

    fooled: Flags
    image: npt.NDArray[np.int64]
    rows: tuple[npt.NDArray[np.int64], ...]

    @classmethod
    def of(cls, fooled: Flags, image: npt.NDArray[np.int64], cell: npt.NDArray[np.int64]) -> "Cells":
        """Cells by their number, ``(R,)``; rows of a negative number are in none."""
        order = np.argsort(cell, kind="stable")
        order = order[cell[order] >= 0]
        starts = np.flatnonzero(np.diff(cell[order], prepend=-1))
        groups = np.split(order, starts[1:]) if len(starts) else []
        return cls(fooled, image, tuple(each for each in groups if 0 < fooled[each].sum() < len(each)))

    @property
    def transferred_images(self) -> int:
        """Of how many images some row of a cell transferred."""
        rows = np.concatenate(self.rows) if self.rows else np.zeros(0, dtype=np.int64)
        return len(np.unique(self.image[rows[self.fooled[rows]]]))

    @property
    def pairs(self) -> int:
        """How many pairs of a transferred and a not transferred example are compared."""
        return int(sum(int(self.fooled[each].sum()) * int((~self.fooled[each]).sum()) for each in self.rows))


@dataclass(frozen=True)
class Auroc:
    """The area under the ROC curve: how often, of two examples of a cell, the one that transfers has the larger number.

    Attributes:
        value: in [0, 1]; 0.5 is chance. None where there is nothing to compare.
        interval: 95 % bootstrap interval over images; None likewise.
        resampled: the same in each resample, ``(rounds,)``.
    """

    value: float | None
    interval: tuple[float, float] | None
    resampled: Values


def auroc(values: Values, cells: Cells, rounds: int = _ROUNDS) -> Auroc:
    """Area under the ROC curve of ``(R,)`` numbers, pairs of all cells counted alike; rows of NaN are left out."""
    images = int(cells.image.max()) + 1 if len(cells.image) else 0
    # The first "resample" is the sample itself.
    counts = np.concatenate([np.ones((1, images)), resampled_counts(images, rounds if images > 1 else 0)])
    known = ~np.isnan(values)
    right = np.zeros(len(counts))
    pairs = np.zeros(len(counts))
    for cell in cells.rows:
        rows = cell[known[cell]]
        if len(rows) == 0:
            continue
        good, all_ = _pairs(values[rows], cells.fooled[rows], counts[:, cells.image[rows]])
        right += good
        pairs += all_
    with np.errstate(invalid="ignore", divide="ignore"):
        share: Values = np.where(pairs > 0, right / pairs, np.nan)
    value = float(share[0]) if len(share) and np.isfinite(share[0]) else None
    return Auroc(value, quantiles(share[1:]), share[1:])


def difference(one: Auroc, other: Auroc) -> tuple[float | None, tuple[float, float] | None]:
    """How much better one ranks than another on the same cells, with its interval: resamples are the same for both."""
    if one.value is None or other.value is None:
        return None, None
    return one.value - other.value, quantiles(one.resampled - other.resampled)


def _pairs(values: Values, fooled: Flags, counts: Values) -> tuple[Values, Values]:
    """Per resample, pairs in the right order (ties half), and all pairs."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    drawn = counts[:, order]
    hits = np.add.reduceat(drawn * fooled[order], starts, axis=1)
    misses = np.add.reduceat(drawn * ~fooled[order], starts, axis=1)
    below = np.cumsum(misses, axis=1) - misses / 2
    return (hits * below).sum(axis=1), hits.sum(axis=1) * misses.sum(axis=1)


def numbered(*columns: Iterable[object]) -> npt.NDArray[np.int64]:
    """A number for each distinct combination of columns ``(R,)``."""
    total: npt.NDArray[np.int64] | None = None
    for column in columns:
        _, codes = np.unique(np.asarray(column), return_inverse=True)
        total = codes if total is None else total * (int(codes.max(initial=0)) + 1) + codes
    return np.zeros(0, dtype=np.int64) if total is None else np.unique(total, return_inverse=True)[1].astype(np.int64)
