"""Figures, sentences and pages, all from what is in a folder."""

from presoftmax.report.audit import audit_sentences, write_audit
from presoftmax.report.html import data_uri, render

__all__ = ["audit_sentences", "data_uri", "render", "write_audit"]
