"""Judged examples, shown: one picture, and one page."""

from presoftmax.report.judged.page import write_judged_page
from presoftmax.report.judged.picture import judged_picture

__all__ = ["judged_picture", "write_judged_page"]
