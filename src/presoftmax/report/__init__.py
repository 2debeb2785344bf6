"""Figures, sentences and pages, all from what is in a folder."""

from presoftmax.report.audit import audit_sentences, write_audit
from presoftmax.report.heroes import LARGE, Band, Hero, pair_sentence, thumbnail
from presoftmax.report.html import data_uri, render

__all__ = [
    "LARGE",
    "Band",
    "Hero",
    "audit_sentences",
    "data_uri",
    "pair_sentence",
    "render",
    "thumbnail",
    "write_audit",
]
