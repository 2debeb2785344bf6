"""How strong are these adversarial examples: the answer in one call, as numbers, a picture and a page."""

from presoftmax.judging.judge import judge, judge_examples
from presoftmax.judging.judged import Judged

__all__ = ["Judged", "judge", "judge_examples"]
