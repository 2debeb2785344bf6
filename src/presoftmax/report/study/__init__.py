"""The report of a study: the paper's figures, the claims, and all that a reader needs to trust them."""

from presoftmax.report.study.page import StudyReport, write_study_report

__all__ = ["StudyReport", "write_study_report"]
