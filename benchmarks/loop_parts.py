"""What the loop does besides the passes of the networks, part by part, on EfficientNet-Lite0.

    python -m benchmarks.loop_parts [--iterations 256]

The real loop (`presoftmax.tracing.stream`) runs with a clock around each of its parts, so each is timed among the
others, with caches as they leave them; medians, in milliseconds. A part within another is timed in both.
"""

import argparse
import functools
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.loop_overhead import job_of
from benchmarks.networks import CASES
from presoftmax.tables import Recorder
from presoftmax.tracing import Job, loop, step, stream

PARTS: tuple[tuple[Any, str, str], ...] = (
    (step.AttackState, "forward", "forward pass of the source"),
    (step, "to_pixels", "rounding (within it)"),
    (step.AttackState, "backward", "backward pass and whether the gradient vanished"),
    (loop, "_victim_logits", "forward passes of the victims"),
    (loop._BlockMaker, "record", "the record of an iteration"),
    (loop, "perturbation_record", "norms of the perturbation (within it)"),
    (Recorder, "add", "keeping the logits (within it)"),
    (step.AttackState, "step", "the step"),
    (loop._BlockMaker, "finish", "records of a block"),
)


class Clock:
    """Times calls by name."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, list[float]] = defaultdict(list)

    def around(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def timed(*arguments: Any, **options: Any) -> Any:
            started = time.perf_counter()
            result = function(*arguments, **options)
            self.seconds[name].append(time.perf_counter() - started)
            return result

        return timed


@contextmanager
def clocks_around_parts() -> Iterator[Clock]:
    """A clock around each of the loop's parts, for a while."""
    clock = Clock()
    originals = [(owner, name, getattr(owner, name)) for owner, name, _ in PARTS]
    for (owner, name, original), (_, _, said) in zip(originals, PARTS, strict=True):
        setattr(owner, name, clock.around(said, original))
    try:
        yield clock
    finally:
        for owner, name, original in originals:
            setattr(owner, name, original)


def measure(job: Job) -> Clock:
    """The job, its parts timed."""
    with clocks_around_parts() as clock:
        for _block in stream(job):
            pass
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
    for _, _, name in PARTS:
        print(f"| {name} | {1000 * statistics.median(clock.seconds[name]):.2f} |")


if __name__ == "__main__":
    main()
