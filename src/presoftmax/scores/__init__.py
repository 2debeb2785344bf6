"""Scores of strength, from logits alone, and what a model's logits look like on natural images."""

from presoftmax.scores.natural import NaturalReference, gaussian
from presoftmax.scores.registry import SCORES, Facts, Score, compute
from presoftmax.scores.trust import Trust, assess

__all__ = ["SCORES", "Facts", "NaturalReference", "Score", "Trust", "assess", "compute", "gaussian"]
