"""Figures, sentences and the page of a run, all from its folder alone."""

from presoftmax.report.page import write_report

__all__ = ["write_report"]
