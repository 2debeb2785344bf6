"""Several detectors of one model, judged from the same forward passes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from presoftmax.attacks import View
from presoftmax.defense.answers import answers_of, joined_views, rows_of
from presoftmax.defense.conformal import p_values
from presoftmax.defense.detector import Detector
from presoftmax.models import Classifier
from presoftmax.printing import Printed

__all__ = ["Bench"]


@dataclass(frozen=True, repr=False)
class Bench(Printed):
    """A model and its fitted detectors.

    Attributes:
        model: the source.
        detectors: by name.
        views: those of all detectors.
    """

    model: Classifier
    detectors: Mapping[str, Detector]
    views: tuple[View, ...]

    @classmethod
    def fit(cls, model: Classifier, images: Any, detectors: Mapping[str, Detector]) -> "Bench":
        """Fit detectors on natural images; raises `DataError` where there are too few."""
        views = joined_views(*(detector.views for detector in detectors.values()))
        logits = answers_of(model, images, views)
        for detector in detectors.values():
            detector.fit(logits=logits[rows_of(detector.views, views)])
        return cls(model, detectors, views)

    def judge(self, images: Any, only: tuple[str, ...] = ()) -> pl.DataFrame:
        """Statistics and p-values of images: a row for each image and detector.

        Args:
            images: uint8 ``(N, 3, H, W)``.
            only: names of the detectors; all when left out.

        Returns:
            ``row`` (position of the image), ``detector``, ``statistic``, ``p_value``.
        """
        chosen = {name: self.detectors[name] for name in (only or tuple(self.detectors))}
        views = joined_views(*(detector.views for detector in chosen.values()))
        logits = answers_of(self.model, images, views)
        return pl.concat(list(_judged(chosen, views, logits)))


def _judged(detectors: Mapping[str, Detector], views: tuple[View, ...], logits: Any) -> Iterator[pl.DataFrame]:
    for name, detector in detectors.items():
        statistics = detector.score(logits=logits[rows_of(detector.views, views)])
        yield pl.DataFrame(
            {
                "row": np.arange(len(statistics)),
                "detector": [name] * len(statistics),
                "statistic": statistics.numpy(),
                "p_value": p_values(detector.calibration, statistics).numpy(),
            }
        )
