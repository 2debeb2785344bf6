"""How strong finished adversarial examples are, whoever made them."""

from typing import TYPE_CHECKING

from presoftmax.errors import face
from presoftmax.strength.distortions import DISTORTIONS, rounding
from presoftmax.strength.examples import Examples, read_examples
from presoftmax.strength.measure import MeasuredExamples, measure
from presoftmax.strength.verdicts import BARELY, DEEPLY, LEVELS, LOOKS_WEAK, Verdict, level_of, verdict

__all__ = [
    "BARELY",
    "DEEPLY",
    "DISTORTIONS",
    "LEVELS",
    "LOOKS_WEAK",
    "Examples",
    "MeasuredExamples",
    "Verdict",
    "level_of",
    "measure",
    "read_examples",
    "rounding",
    "verdict",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = face(__name__, __all__)
