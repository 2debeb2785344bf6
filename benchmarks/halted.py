"""What is saved by not computing halted examples again: ``python -m benchmarks.halted``, in the paper's setting.

Batches are counted, which no other load of the machine changes; ``--check`` also runs everything without, and compares
every row and the processor's seconds.
"""

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager

import presoftmax as ps
from presoftmax.tracing import Job, Trace, _unchanged, loop, prepare, stream


@contextmanager
def counted(skipping: bool) -> Iterator[list[int]]:
    """Examples of each batch that is attacked inside."""
    passes: list[int] = []
    attack, may_halt = loop._attack, _unchanged.may_halt

    def counting(job: Job, rows: object, watched: bool) -> None:
        passes.append(len(rows))  # type: ignore[arg-type]
        attack(job, rows, watched)  # type: ignore[arg-type]

    loop._attack = counting
    if not skipping:
        loop.may_halt = _unchanged.may_halt = lambda _: False  # type: ignore[attr-defined, assignment]
    try:
        yield passes
    finally:
        loop._attack = attack
        loop.may_halt = _unchanged.may_halt = may_halt  # type: ignore[attr-defined]


def run(job: Job, skipping: bool) -> tuple[Trace, int, float]:
    """The trace, its batches and the processor's seconds."""
    with counted(skipping) as passes:
        started = time.process_time()
        trace = Trace(job, tuple(stream(job)))
        return trace, len(passes), time.process_time() - started


def main() -> None:
    """Print a row of the table for each attack."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", default="efficientnet_lite0")
    parser.add_argument("--photos", default="samples")
    parser.add_argument("--images", type=int, default=20)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--precision", default="exact")
    parser.add_argument("--alpha", type=float, help="step size of the over-optimized attack, which then runs alone")
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    source = ps.load_model(given.source)
    if given.photos == "samples":
        photos = ps.samples("imagenet", source.preprocessing.size)
    else:
        photos = ps.read_images(ps.list_images(given.photos), source.preprocessing)
    images = ps.select_correct(photos, source, limit=given.images).images
    print("| attack | images | steps | image-iterations in which nothing moved | batches saved | rows the same |")
    print("| --- | --- | --- | --- | --- | --- |")
    attacks = [ps.attacks.over_optimized(given.steps, given.alpha or 0.15, "every-step")]
    if given.alpha is None:
        attacks.append(ps.attacks.multi_class(given.steps, discretization="every-step"))
    for attack in attacks:
        job = prepare(attack, source, images, precision=given.precision)
        trace, batches, seconds = run(job, skipping=True)
        still = (trace.steps["changed"] == 0).sum() / trace.steps.height
        whole = job.batches * (given.steps + 1)
        same = "not checked"
        if given.check:
            other, whole, whole_seconds = run(job, skipping=False)
            equal = trace.steps.equals(other.steps) and trace.transfers.equals(other.transfers)
            same = f"{'yes' if equal else 'NO'}; {whole_seconds:.0f} s before, {seconds:.0f} s now"
        saved = 100 * (1 - batches / whole)
        row = (job.attack.name, len(images), given.steps, f"{100 * still:.0f} %", f"{saved:.0f} %", same)
        print("|", " | ".join(map(str, row)), "|", flush=True)


if __name__ == "__main__":
    main()
