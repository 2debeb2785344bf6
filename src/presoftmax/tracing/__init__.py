"""Running an attack: what is to be run, the loop, what came of it."""

from presoftmax.tracing.job import Job, JobOptions, default_batch_size, prepare
from presoftmax.tracing.loop import Block, stream
from presoftmax.tracing.run_files import write_images, write_run_summary, write_run_tables
from presoftmax.tracing.selection import Selection, are_right, clean_logits, select_correct
from presoftmax.tracing.step import AttackState, ForwardPass
from presoftmax.tracing.trace import Trace, trace

__all__ = [
    "AttackState",
    "Block",
    "ForwardPass",
    "Job",
    "JobOptions",
    "Selection",
    "Trace",
    "are_right",
    "clean_logits",
    "default_batch_size",
    "prepare",
    "select_correct",
    "stream",
    "trace",
    "write_images",
    "write_run_summary",
    "write_run_tables",
]
