"""Scores of strength, from logits alone, and what a model's logits look like on natural images."""

from typing import TYPE_CHECKING

from presoftmax.errors import face
from presoftmax.scores.natural import NaturalReference, TopLogits, ranges
from presoftmax.scores.registry import RECORDED, SCORES, compute
from presoftmax.scores.score import Facts, Score, as_scores, load_scores, score
from presoftmax.scores.transfer_rule import OWN_WEIGHT, expected_transfer, model_scale, signed_log
from presoftmax.scores.trust import Trust, assess

__all__ = [
    "OWN_WEIGHT",
    "RECORDED",
    "SCORES",
    "Facts",
    "NaturalReference",
    "Score",
    "TopLogits",
    "Trust",
    "as_scores",
    "assess",
    "compute",
    "expected_transfer",
    "load_scores",
    "model_scale",
    "ranges",
    "score",
    "signed_log",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = face(__name__, __all__)
