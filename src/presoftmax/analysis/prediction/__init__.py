"""Whether transfer can be told from an example: what is known of it, what each method makes of that, and how well."""

from typing import TYPE_CHECKING

from presoftmax.analysis.prediction.at_k import AtK
from presoftmax.analysis.prediction.by_iteration import expected_transfers
from presoftmax.analysis.prediction.calibration import Recalibration, calibration_error, probability, recalibrated
from presoftmax.analysis.prediction.concordance import Cells, auroc
from presoftmax.analysis.prediction.crossfit import all_left_out, clean_column, columns_of
from presoftmax.analysis.prediction.evaluation import (
    CEILING,
    FITTED,
    FITTED_CLEAN,
    CriterionEvaluation,
    Evaluation,
    Gain,
    LeftOut,
    Ranked,
    evaluate,
    judge_log_odds,
    left_out,
)
from presoftmax.analysis.prediction.features import CLEAN_VICTIM, FEATURES, Known, features
from presoftmax.analysis.prediction.logistic import Logistic, fit_logistic, thinned
from presoftmax.analysis.prediction.methods import HET, HET_TARGETS, METHODS, RULE, clean_victim
from presoftmax.analysis.prediction.points import CRITERIA, ModelFacts, Points, join_points, read_points, scale_of
from presoftmax.analysis.prediction.trials import Strictness, Trials
from presoftmax.errors import face

__all__ = [
    "CEILING",
    "CLEAN_VICTIM",
    "CRITERIA",
    "FEATURES",
    "FITTED",
    "FITTED_CLEAN",
    "HET",
    "HET_TARGETS",
    "METHODS",
    "RULE",
    "AtK",
    "Cells",
    "CriterionEvaluation",
    "Evaluation",
    "Gain",
    "Known",
    "LeftOut",
    "Logistic",
    "ModelFacts",
    "Points",
    "Ranked",
    "Recalibration",
    "Strictness",
    "Trials",
    "all_left_out",
    "auroc",
    "calibration_error",
    "clean_column",
    "clean_victim",
    "columns_of",
    "evaluate",
    "expected_transfers",
    "features",
    "fit_logistic",
    "join_points",
    "judge_log_odds",
    "left_out",
    "probability",
    "read_points",
    "recalibrated",
    "scale_of",
    "thinned",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = face(__name__, __all__)
