"""Frames in, frames out: means by iteration, cleaning, transfer curves, what halted, what was found."""

from presoftmax.analysis.curves import clean, curves_of, transfer_curves
from presoftmax.analysis.iterations import by_iteration, halted_at, saturated_from, transfer_by_iteration
from presoftmax.analysis.ranking import BASELINES, RANKED
from presoftmax.analysis.run_summary import HIGH_CONFIDENCE, Findings, find
from presoftmax.analysis.spacing import log_spaced
from presoftmax.analysis.trajectories import Reading, Trajectories, by_source, read_trajectories

__all__ = [
    "BASELINES",
    "HIGH_CONFIDENCE",
    "RANKED",
    "Findings",
    "Reading",
    "Trajectories",
    "by_iteration",
    "by_source",
    "clean",
    "curves_of",
    "find",
    "halted_at",
    "log_spaced",
    "read_trajectories",
    "saturated_from",
    "transfer_by_iteration",
    "transfer_curves",
]
