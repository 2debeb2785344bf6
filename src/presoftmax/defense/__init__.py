"""Detectors fitted on natural logits, the guard, and the attackers who know them.

What is sold is a price, not security: every detector here is passed by somebody who knows it, and
``presoftmax guard evaluate`` says what that costs them.
"""

from typing import TYPE_CHECKING

from presoftmax.errors import face

if TYPE_CHECKING:
    from presoftmax.defense.answers import answers_of, joined_views, pixels_of, rows_of
    from presoftmax.defense.attackers import (
        ATTACKERS,
        MimicryBank,
        mimicking,
        orthogonal,
        penalized,
        selective,
        with_drawn_noise,
    )
    from presoftmax.defense.conformal import FalsePositives, false_positives, p_values, smallest_rate, surprise
    from presoftmax.defense.controls import CONTROLS
    from presoftmax.defense.copies_mixture import CopiesMixture
    from presoftmax.defense.detector import Detector
    from presoftmax.defense.fisher import Fisher
    from presoftmax.defense.guard import Guard
    from presoftmax.defense.height import ClassMaxLogit, Energy, LogOdds, MaxLogit, TukeyFence
    from presoftmax.defense.mahalanobis import Mahalanobis
    from presoftmax.defense.margin_left import MarginLeft
    from presoftmax.defense.noise_odds import NoiseOdds
    from presoftmax.defense.registry import DETECTORS, make_detector, make_detectors
    from presoftmax.defense.saved import GuardFile, load_guard, read_guard, save_guard
    from presoftmax.defense.squeezing import FeatureSqueezing, LogOddsSqueezing
    from presoftmax.defense.views import BitDepth, Flip, GaussianNoise, MedianFilter, Shift

__all__ = [
    "ATTACKERS",
    "CONTROLS",
    "DETECTORS",
    "BitDepth",
    "ClassMaxLogit",
    "CopiesMixture",
    "Detector",
    "Energy",
    "FalsePositives",
    "FeatureSqueezing",
    "Fisher",
    "Flip",
    "GaussianNoise",
    "Guard",
    "GuardFile",
    "LogOdds",
    "LogOddsSqueezing",
    "Mahalanobis",
    "MarginLeft",
    "MaxLogit",
    "MedianFilter",
    "MimicryBank",
    "NoiseOdds",
    "Shift",
    "TukeyFence",
    "answers_of",
    "false_positives",
    "joined_views",
    "load_guard",
    "make_detector",
    "make_detectors",
    "mimicking",
    "orthogonal",
    "p_values",
    "penalized",
    "pixels_of",
    "read_guard",
    "rows_of",
    "save_guard",
    "selective",
    "smallest_rate",
    "surprise",
    "with_drawn_noise",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = face(__name__, __all__)
