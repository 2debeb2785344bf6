"""Softmax in limited precision: exact log-odds, where each format saturates, and the paper's lemmas put right."""

from typing import TYPE_CHECKING

from presoftmax.errors import face
from presoftmax.numerics.formats import FORMATS, Format
from presoftmax.numerics.lemmas import (
    COUNTEREXAMPLE,
    lemma_2_2_instances,
    printed_softmax,
    stays_saturated,
    top_probability_falls,
    top_probability_falls_for_one_rival,
)
from presoftmax.numerics.logodds import (
    confidence,
    energy,
    group_log_odds,
    log_odds,
    log_softmax,
    logsumexp,
    margin,
    misclassification_log_odds,
)
from presoftmax.numerics.saturation import (
    GradientError,
    SaturationRow,
    cross_entropy_gradient,
    gradient_errors,
    saturation_table,
)

__all__ = [
    "COUNTEREXAMPLE",
    "FORMATS",
    "Format",
    "GradientError",
    "SaturationRow",
    "confidence",
    "cross_entropy_gradient",
    "energy",
    "gradient_errors",
    "group_log_odds",
    "lemma_2_2_instances",
    "log_odds",
    "log_softmax",
    "logsumexp",
    "margin",
    "misclassification_log_odds",
    "printed_softmax",
    "saturation_table",
    "stays_saturated",
    "top_probability_falls",
    "top_probability_falls_for_one_rival",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = face(__name__, __all__)
