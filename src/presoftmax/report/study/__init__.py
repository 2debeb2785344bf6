"""The report of a study: the paper's figures, the claims, and all that a reader needs to trust them."""

from presoftmax.report.study.claims import ClaimRow, claim_rows
from presoftmax.report.study.figures import study_figures
from presoftmax.report.study.page import StudyReport, write_study_report

__all__ = ["ClaimRow", "StudyReport", "claim_rows", "study_figures", "write_study_report"]
