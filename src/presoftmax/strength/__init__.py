"""How strong finished adversarial examples are, whoever made them."""

from presoftmax.strength.channels import CHANNELS
from presoftmax.strength.examples import Examples, read_examples
from presoftmax.strength.measure import Measured, measure
from presoftmax.strength.verdicts import verdict

__all__ = ["CHANNELS", "Examples", "Measured", "measure", "read_examples", "verdict"]
