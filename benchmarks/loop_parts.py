"""What the loop does besides the passes of the networks, part by part, on EfficientNet-Lite0.

    python -m benchmarks.loop_parts [--iterations 256]

The parts of a batch's iteration as the loop does them, each timed among the passes (so with caches as they leave them);
medians, in milliseconds.
"""

import argparse
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch

from benchmarks.loop_overhead import job_of
from benchmarks.networks import CASES
from presoftmax.attacks import Goal, to_floats, to_pixels
from presoftmax.models import frozen
from presoftmax.models.fast.host_memory import freed_memory_kept
from presoftmax.tables.records import Recorder, perturbation_record
from presoftmax.tracing.step import Ascent
from presoftmax.tracing.trace import Job


class Clock:
    """Times calls by name."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, list[float]] = defaultdict(list)

    def __call__(self, name: str, function: Callable[..., Any], *arguments: Any) -> Any:
        started = time.perf_counter()
        result = function(*arguments)
        self.seconds[name].append(time.perf_counter() - started)
        return result


def measure(job: Job) -> Clock:
    """The loop of `presoftmax.tracing.trace` on the first batch, taken apart."""
    clock, iterations = Clock(), job.attack.steps
    batch = next(iter(job.examples.batches(job.batch_size)))
    goal = Goal(batch.labels, torch.zeros(len(batch), 1, dtype=torch.int64))
    ascent = Ascent(job.attack, job.source, batch, seed=0)
    recorder = Recorder("attack", "source", (), batch.ids)
    previous = ascent.clean
    with frozen(job.source), freed_memory_kept():
        for iteration in range(iterations):
            clock("rounding (within the forward pass below)", lambda: to_floats(to_pixels(ascent.floats)))
            look = clock("forward pass", ascent.look)
            clock("backward pass and whether the gradient vanished", ascent.differentiate, look, goal)
            with torch.no_grad():
                record = clock("norms of the perturbation", perturbation_record, look.pixels, previous, ascent.clean)
            clock("keeping the record", recorder.add, iteration, record, look.logits.detach(), ())
            previous = look.pixels
            clock("the move", ascent.move, look)
            if recorder.is_full or iteration == iterations - 1:
                clock("records of a block", recorder.flush, goal)
    return clock


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--iterations", type=int, default=256)
    options = parser.parse_args()
    case = CASES["efficientnet"]
    job = job_of(case, case.models()[0], [], options.iterations)
    clock = measure(job)
    print(f"{job.batch_size} photos a batch\n\n| part | ms |\n| --- | --- |")
    for name, seconds in clock.seconds.items():
        print(f"| {name} | {1000 * statistics.median(seconds):.2f} |")


if __name__ == "__main__":
    main()
