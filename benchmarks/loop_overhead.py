"""What recording costs: the loop's time over the bare time of the same forward and backward passes.

    python -m benchmarks.loop_overhead [--rounds 7] [--json FILE]

Both do the same passes on the same fast models and images, in turns within one process, in float32 (``exact``); the
ratio is the median of those of the single rounds. Attacks are a few times as long as in `benchmarks.side_by_side`, as
what is done once a batch counts for less in those of hundreds of iterations.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import nn

import presoftmax as ps
from benchmarks.measuring import wait
from benchmarks.networks import CASES, Case
from presoftmax.models import keep_freed_memory
from presoftmax.storage import versions
from presoftmax.tracing import Job, stream

LONGER = 3


@dataclass(frozen=True)
class Result:
    case: str
    images: int
    steps: int
    victims: int
    bare_ms: float
    loop_ms: float
    ratio: float
    ratio_low: float
    ratio_high: float


def jobs() -> list[tuple[str, Job]]:
    """Each case with and without its victims, its models on their fast variants."""
    found = []
    for case in CASES.values():
        source, *victims = case.models()
        for seen_by in ([], victims):
            job = job_of(case, source, seen_by, LONGER * case.steps)
            found.append((f"{case.title.partition(';')[0]}, {'two victims' if seen_by else 'no victim'}", job))
    return found


def job_of(case: Case, source: nn.Module, victims: list[nn.Module], steps: int) -> Job:
    """The over-optimized attack on a case's images, its models on their fast variants."""
    images = case.images(case.count)
    with torch.no_grad():
        labels = source(images.float() / 255).argmax(dim=1)
    attack = ps.attacks.over_optimized(steps, 0.15)
    ids = [str(i) for i in range(case.count)]
    return ps.prepare(attack, source, images, labels, victims=victims, ids=ids, accelerate=True)


def bare(job: Job) -> None:
    """The passes of the loop in its batches, and nothing else: steps + 1 looks, steps gradients."""
    steps = job.attack.steps
    with keep_freed_memory():
        for images in job.examples.images.to(job.source.device).split(job.batch_size):
            floats = images.float() / 255
            for step in range(steps + 1):
                leaf = floats.detach().requires_grad_(step < steps)
                logits = job.source(leaf)
                if step < steps:
                    torch.autograd.grad(logits[:, 0].sum(), leaf)
                with torch.no_grad():
                    for victim in job.victims:
                        victim(images)
    wait(job.source.device)


def loop(job: Job) -> None:
    """The loop, with all its records."""
    for _block in stream(job):
        pass
    wait(job.source.device)


def measure(name: str, job: Job, rounds: int) -> Result:
    """In turns."""
    times: dict[str, list[float]] = {"bare": [], "loop": []}
    functions: dict[str, Callable[[Job], None]] = {"bare": bare, "loop": loop}
    for function in functions.values():
        function(job)
    for _ in range(rounds):
        for each, function in functions.items():
            start = time.perf_counter()
            function(job)
            times[each].append(time.perf_counter() - start)
    ratios = sorted(b / a for a, b in zip(times["bare"], times["loop"], strict=True))
    medians = {each: 1000 * statistics.median(values) for each, values in times.items()}
    return Result(
        name, len(job.examples), job.attack.steps, len(job.victims), medians["bare"], medians["loop"],
        statistics.median(ratios), ratios[0], ratios[-1],
    )  # fmt: skip


def main() -> None:
    """Run all cases and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", help="write the results there too")
    options = parser.parse_args()
    print("| case | images | steps | bare passes (ms) | loop (ms) | median ratio | ratios seen |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    results = []
    for name, job in jobs():
        r = measure(name, job, options.rounds)
        results.append(r)
        print(
            f"| {r.case} | {r.images} | {r.steps} | {r.bare_ms:.0f} | {r.loop_ms:.0f} | {r.ratio:.3f} | "
            f"{r.ratio_low:.3f} to {r.ratio_high:.3f} |", flush=True
        )  # fmt: skip
    machine = {**versions(), "threads": str(torch.get_num_threads())}
    print(f"\n{', '.join(f'{name} {value}' for name, value in machine.items())}")
    if options.json:
        found = {"machine": machine, "rounds": options.rounds, "results": [asdict(result) for result in results]}
        Path(options.json).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
