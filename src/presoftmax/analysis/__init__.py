"""Frames in, frames out: means by iteration, cleaning, transfer curves, what halted, what was found."""

from presoftmax.analysis.curves import clean, transfer_curves
from presoftmax.analysis.findings import Findings, find
from presoftmax.analysis.iterations import by_iteration, halted_at, saturated_from, transfer_by_iteration
from presoftmax.analysis.trajectories import Reading, Trajectories, by_source

__all__ = [
    "Findings",
    "Reading",
    "Trajectories",
    "by_iteration",
    "by_source",
    "clean",
    "find",
    "halted_at",
    "saturated_from",
    "transfer_by_iteration",
    "transfer_curves",
]
