"""The files of traces: a run folder's images, tables and summary, of which its report is made."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from presoftmax.analysis import by_iteration, transfer_by_iteration
from presoftmax.storage import RunFolder
from presoftmax.tracing.job import Job
from presoftmax.tracing.loop import Block

if TYPE_CHECKING:
    from presoftmax.tracing.trace import Trace

__all__ = ["write_images", "write_run_summary", "write_run_tables"]

_FEWEST_SHOWN, _MOST_SHOWN = 6, 16
"""Examples whose images are written at every kept iteration; of the others, the clean and the last."""
_IMAGE_BYTES = 24_000_000
"""So much of an attack's images is written, uncompressed, before the number of these examples is kept low."""


def write_images(folder: RunFolder, job: Job, block: Block) -> None:
    """All examples at the last iteration and clean, where that is kept, the first few at all kept ones."""
    start = block.batch * job.batch_size
    for iteration, images in block.images.items():
        count = len(images) if iteration in (0, job.attack.steps) else max(0, _shown_whole(job) - start)
        numbers = range(start, start + len(images))[:count]
        names = [job.examples.ids[number] for number in numbers]
        folder.write_images(job.attack.name, numbers, names, iteration, images[:count])


def _shown_whole(job: Job) -> int:
    each = job.examples.images[:1].numel() * max(len(job.keep), 1)
    return min(max(_IMAGE_BYTES // max(each, 1), _FEWEST_SHOWN), _MOST_SHOWN)


def write_run_tables(folder: RunFolder, traces: Sequence["Trace"], complete: bool) -> None:
    """`steps` and `transfers` of all traces."""
    described = {trace.job.attack.name: trace.job.describe() for trace in traces}
    steps = pl.concat([trace.steps for trace in traces])
    transfers = pl.concat([trace.transfers for trace in traces])
    tables = {"steps": steps, "transfers": transfers}
    folder.write_tables(tables, {"complete": complete, "attacks": described})


def _run_summary(traces: Sequence["Trace"]) -> dict[str, Any]:
    """Means by iteration of traces on the same images and models, in plain values."""
    job = traces[0].job
    return {
        "source": job.source.name,
        "victims": list(job.victim_names),
        "images": len(job.examples),
        "attacks": {trace.job.attack.name: _attack_summary(trace) for trace in traces},
    }


def _attack_summary(trace: "Trace") -> dict[str, Any]:
    means = by_iteration(trace.steps)
    shares = transfer_by_iteration(trace.transfers)
    columns = ("iteration", "confidence", "ca1", "ca2", "log_odds", "saturated")
    return {
        **{name: means[name].to_list() for name in columns},
        "transfer": {
            victim: {
                criterion: shares.filter(pl.col("victim") == victim)[criterion].to_list()
                for criterion in ("misclassified", "targeted")
            }
            for victim in trace.job.victim_names
        },
    }


def write_run_summary(folder: RunFolder, traces: Sequence["Trace"], about: Mapping[str, Any]) -> dict[str, Any]:
    """``run.json``: all that the report needs besides the tables and the images; gives the means by iteration in it.

    Args:
        folder: where.
        traces: on the same images and models.
        about: ``settings``, and ``selection``, how the images were chosen; None where nobody knows.
    """
    job, summary = traces[0].job, _run_summary(traces)
    folder.write_summary(
        {
            **summary,
            "jobs": {trace.job.attack.name: trace.job.describe() for trace in traces},
            "examples": list(job.examples.ids),
            "classes": job.source.classes,
            **about,
        }
    )
    return summary
