"""The page of a defense's evaluation."""

from presoftmax.report.defense.page import write_defense
from presoftmax.report.defense.sentences import defense_sentences

__all__ = ["defense_sentences", "write_defense"]
