"""How strong finished adversarial examples are, whoever made them."""

from presoftmax.strength.distortions import DISTORTIONS, rounding
from presoftmax.strength.examples import Examples, read_examples
from presoftmax.strength.measure import MeasuredExamples, measure
from presoftmax.strength.verdicts import VERDICTS, verdict

__all__ = ["DISTORTIONS", "VERDICTS", "Examples", "MeasuredExamples", "measure", "read_examples", "rounding", "verdict"]
