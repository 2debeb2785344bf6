"""Every detector by name."""

from collections.abc import Callable, Iterable

from presoftmax.defense.copies_mixture import CopiesMixture
from presoftmax.defense.detector import Detector
from presoftmax.defense.fisher import Fisher
from presoftmax.defense.height import ClassMaxLogit, Energy, LogOdds, MaxLogit, TukeyFence
from presoftmax.defense.mahalanobis import Mahalanobis
from presoftmax.defense.margin_left import MarginLeft
from presoftmax.defense.noise_odds import NoiseOdds
from presoftmax.defense.squeezing import FeatureSqueezing, LogOddsSqueezing
from presoftmax.errors import DataError

__all__ = ["DETECTORS", "make_detector", "make_detectors"]

_KINDS: tuple[Callable[[], Detector], ...] = (
    MaxLogit, ClassMaxLogit, TukeyFence, Energy, LogOdds, Mahalanobis, NoiseOdds, CopiesMixture, MarginLeft,
    FeatureSqueezing, LogOddsSqueezing, Fisher,
)  # fmt: skip

DETECTORS: dict[str, Callable[[], Detector]] = {kind().kind: kind for kind in _KINDS}
"""Detectors by name, each made without arguments and not fitted."""


def make_detector(name: str) -> Detector:
    """A detector that is not fitted yet, by name, or several, with plus signs between them, as `Fisher`'s sum.

    Raises:
        DataError: no such detector.
    """
    parts = name.split("+")
    for part in parts:
        if part not in DETECTORS:
            raise DataError(f"no detector {part!r}; there are {', '.join(DETECTORS)}, and sums of them: A+B")
    if len(parts) == 1:
        return DETECTORS[name]()
    if "fisher" in parts:
        raise DataError("fisher is a sum already: name its parts instead")
    return Fisher([DETECTORS[part]() for part in parts])


def make_detectors(names: Iterable[str]) -> dict[str, Detector]:
    """Several, by the names they were asked for; all where none is named."""
    return {name: make_detector(name) for name in (tuple(names) or tuple(DETECTORS))}
