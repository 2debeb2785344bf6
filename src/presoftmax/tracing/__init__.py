"""Running an attack: what is to be run, the loop, what came of it."""

from presoftmax.tracing.selection import Selection, are_right, clean_answers, select_correct
from presoftmax.tracing.trace import Block, Job, Trace, default_batch_size, name_victims, prepare, trace

__all__ = [
    "Block",
    "Job",
    "Selection",
    "Trace",
    "are_right",
    "clean_answers",
    "default_batch_size",
    "name_victims",
    "prepare",
    "select_correct",
    "trace",
]
