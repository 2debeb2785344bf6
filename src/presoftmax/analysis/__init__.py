"""Frames in, frames out: means by iteration, cleaning, transfer curves, what halted, what was found."""

from presoftmax.analysis.curves import Reading, clean, transfer_curves
from presoftmax.analysis.findings import Findings, find
from presoftmax.analysis.iterations import by_iteration, halted_at, saturated_from, transfer_by_iteration

__all__ = [
    "Findings",
    "Reading",
    "by_iteration",
    "clean",
    "find",
    "halted_at",
    "saturated_from",
    "transfer_by_iteration",
    "transfer_curves",
]
