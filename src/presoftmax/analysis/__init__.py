"""Frames in, frames out: means by iteration, cleaning, transfer curves, what halted, what was found."""

from presoftmax.analysis.bootstrap import mean_interval, median_interval
from presoftmax.analysis.curves import clean_transfers, curves_of, transfer_curves
from presoftmax.analysis.events import HIGH_CONFIDENCE, halted_at, last_true, saturated_from
from presoftmax.analysis.iterations import by_iteration, log_spaced, transfer_by_iteration
from presoftmax.analysis.ranking import BASELINES, RANKED
from presoftmax.analysis.run_summary import AttackSummary, Point, summarize
from presoftmax.analysis.trajectories import Trajectories, TransferCriterion, by_source, read_trajectories

__all__ = [
    "BASELINES",
    "HIGH_CONFIDENCE",
    "RANKED",
    "AttackSummary",
    "Point",
    "Trajectories",
    "TransferCriterion",
    "by_iteration",
    "by_source",
    "clean_transfers",
    "curves_of",
    "halted_at",
    "last_true",
    "log_spaced",
    "mean_interval",
    "median_interval",
    "read_trajectories",
    "saturated_from",
    "summarize",
    "transfer_by_iteration",
    "transfer_curves",
]
