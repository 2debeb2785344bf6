"""Frames in, frames out: means by iteration, cleaning, transfer curves, what halted, what was found."""

from typing import TYPE_CHECKING

from presoftmax.analysis.bootstrap import ROUNDS, mean_interval, median_interval, quantiles, resampled_counts
from presoftmax.analysis.curves import clean_transfers, curves_of, transfer_curves
from presoftmax.analysis.events import HIGH_CONFIDENCE, halted_at, last_true, saturated_from
from presoftmax.analysis.first_fooled import first_fooled
from presoftmax.analysis.iterations import by_iteration, log_spaced, transfer_by_iteration, without_probes
from presoftmax.analysis.judged import JudgedSummary, Median, RanksTransfer, Share, VictimTransfer, summarize_judged
from presoftmax.analysis.ranking import BASELINES, RANKED
from presoftmax.analysis.run_summary import AttackSummary, Point, summarize
from presoftmax.analysis.telling import most_disguised, telling_pair
from presoftmax.analysis.trajectories import Trajectories, TransferCriterion, by_source, read_trajectories
from presoftmax.analysis.worst_case import WorstCase, worst_case
from presoftmax.errors import face
from presoftmax.storage import flat

__all__ = [
    "BASELINES",
    "HIGH_CONFIDENCE",
    "RANKED",
    "ROUNDS",
    "AttackSummary",
    "JudgedSummary",
    "Median",
    "Point",
    "RanksTransfer",
    "Share",
    "Trajectories",
    "TransferCriterion",
    "VictimTransfer",
    "WorstCase",
    "by_iteration",
    "by_source",
    "clean_transfers",
    "curves_of",
    "first_fooled",
    "flat",
    "halted_at",
    "last_true",
    "log_spaced",
    "mean_interval",
    "median_interval",
    "most_disguised",
    "quantiles",
    "read_trajectories",
    "resampled_counts",
    "saturated_from",
    "summarize",
    "summarize_judged",
    "telling_pair",
    "transfer_by_iteration",
    "transfer_curves",
    "without_probes",
    "worst_case",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = face(__name__, __all__)
