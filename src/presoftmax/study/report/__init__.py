"""The report of a study: the paper's figures, the claims, and all that a reader needs to trust them."""

from presoftmax.study.report.claims import ClaimRow, claim_rows
from presoftmax.study.report.explorer import study_material, write_study_explorer
from presoftmax.study.report.figures import study_figures
from presoftmax.study.report.opening import OpeningRow, Transfer, opening_rows, opening_sentence
from presoftmax.study.report.page import StudyReport, write_study_report
from presoftmax.study.report.prediction import drawn_from, method_rows, prediction_markdown, write_prediction

__all__ = [
    "ClaimRow",
    "OpeningRow",
    "StudyReport",
    "Transfer",
    "claim_rows",
    "drawn_from",
    "method_rows",
    "opening_rows",
    "opening_sentence",
    "prediction_markdown",
    "study_figures",
    "study_material",
    "write_prediction",
    "write_study_explorer",
    "write_study_report",
]
