"""How strong finished adversarial examples are, whoever made them."""

from presoftmax.strength.distortions import CHANNELS, rounding
from presoftmax.strength.examples import Examples, read_examples
from presoftmax.strength.measure import Measured, measure
from presoftmax.strength.verdicts import VERDICTS, verdict

__all__ = ["CHANNELS", "VERDICTS", "Examples", "Measured", "measure", "read_examples", "rounding", "verdict"]
