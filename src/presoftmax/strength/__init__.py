"""How strong finished adversarial examples are, whoever made them."""

from typing import TYPE_CHECKING

from presoftmax.errors import face
from presoftmax.strength.copies import COPIES
from presoftmax.strength.distortions import DISTORTIONS, rounding
from presoftmax.strength.examples import Examples, read_examples
from presoftmax.strength.measure import MeasuredExamples, measure
from presoftmax.strength.predictor import FEWEST_PROBES, PROBES_WANTED, Predicted, TransferPredictor, judge_predictor
from presoftmax.strength.predictor_file import load_predictor, save_predictor
from presoftmax.strength.surrogates import SurrogateAnswers
from presoftmax.strength.verdicts import BARELY, DEEPLY, LEVELS, LOOKS_WEAK, Verdict, level_of, verdict

__all__ = [
    "BARELY",
    "COPIES",
    "DEEPLY",
    "DISTORTIONS",
    "FEWEST_PROBES",
    "LEVELS",
    "LOOKS_WEAK",
    "PROBES_WANTED",
    "Examples",
    "MeasuredExamples",
    "Predicted",
    "SurrogateAnswers",
    "TransferPredictor",
    "Verdict",
    "judge_predictor",
    "level_of",
    "load_predictor",
    "measure",
    "read_examples",
    "rounding",
    "save_predictor",
    "verdict",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = face(__name__, __all__)
