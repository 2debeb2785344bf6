"""Shares of a few images: their intervals, and when one is too large to be chance."""

from scipy import stats

__all__ = ["Interval", "is_unfit", "share_interval"]

Interval = tuple[float, float] | None

_UNFIT = 3.0
_SURE = 0.05


def share_interval(count: int, of: int) -> Interval:
    """95 % interval of a share (Clopper and Pearson 1934): never a point, also where none or all are counted."""
    if of == 0:
        return None
    low, high = stats.binomtest(count, of).proportion_ci(0.95, "exact")
    return float(low), float(high)


def is_unfit(flagged: int, images: int, fpr: float) -> bool:
    """Whether more than three times the nominal rate of harmless images is flagged, and not by chance.

    By chance: of a detector that keeps its rate, so many of so few images are flagged in more than one of 20 cases.
    """
    certain = stats.binomtest(flagged, images, fpr, "greater").pvalue < _SURE
    return bool(flagged / images > _UNFIT * fpr and certain)
