"""The paper's three architectures on a GPU: throughput, share of what the device can multiply, hours for the paper.

    python -m benchmarks.gpu [--device cuda] [--images 128] [--steps 20] [--rounds 5] [--json FILE]

Random weights (the speed does not depend on them). For each precision and each source, with the two others as victims:
image-iterations per second, multiplications and additions per second as a share of those of a large square matrix
product in the same number format, and from these the hours that the paper's 15,000 trajectories of 500 iterations take.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

import presoftmax as ps
from benchmarks.measuring import wait
from presoftmax.choices import Precision
from presoftmax.models import Classifier, tf32
from presoftmax.storage import versions
from presoftmax.tracing import Job, stream

SOURCES = ("alexnet", "vgg16", "resnet50")
TRAJECTORIES_PER_SOURCE, ITERATIONS = 5000, 501
PRECISIONS = tuple(Precision)


def ceiling(device: torch.device, precision: Precision, side: int, rounds: int) -> float:
    """Floating-point operations per second of a square matrix product; the best format that the precision allows."""
    formats = [torch.float32] if precision == "exact" else [torch.float32, torch.bfloat16]
    best = 0.0
    with tf32(precision is Precision.FAST):
        for dtype in formats:
            a = torch.randn(side, side, device=device, dtype=dtype)
            a @ a
            seconds = min(_seconds(lambda a=a: a @ a, device) for _ in range(rounds))
            best = max(best, 2 * side**3 / seconds)
    return best


def _seconds(function: Callable[[], Any], device: torch.device) -> float:
    wait(device)
    started = time.perf_counter()
    function()
    wait(device)
    return time.perf_counter() - started


def operations(source: Classifier, victims: list[Classifier], images: Tensor) -> float:
    """Floating-point operations of one image and iteration: forward and backward on the source, forward elsewhere."""
    floats = (images[:1].to(source.device).float() / 255).requires_grad_(True)
    with FlopCounterMode(display=False) as counter:
        source(floats).amax(dim=1).sum().backward()  # autograd.grad is not counted
        with torch.no_grad():
            for victim in victims:
                victim(images[:1])
    return float(counter.get_total_flops())


def run(job: Job) -> None:
    """The whole job."""
    for _block in stream(job):
        pass


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--images", type=int, default=128)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--side", type=int, default=8192, help="of the matrices")
    parser.add_argument("--json", help="write the results there too")
    options = parser.parse_args()
    device = torch.device(options.device)
    images = torch.randint(0, 256, (options.images, 3, 224, 224), dtype=torch.uint8)
    labels, results, hours = torch.zeros(options.images, dtype=torch.int64), [], {}
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)
    print("| precision | source | image-iterations per second | range | share of the ceiling | variants |")
    print("| --- | --- | --- | --- | --- | --- |")
    for precision in PRECISIONS:
        top = ceiling(device, precision, options.side, options.rounds)
        hours[precision] = 0.0
        models = {each: ps.load_model(f"torchvision/{each}?weights=random", device) for each in SOURCES}
        for each in SOURCES:
            victims = [model for other, model in models.items() if other != each]
            job = ps.prepare(ps.attacks.over_optimized(options.steps, 0.15), models[each], images, labels, targets=1,
                             victims=victims, precision=precision, accelerate=True)  # fmt: skip
            run(job)
            work = options.images * (options.steps + 1)
            rates = sorted(work / _seconds(lambda job=job: run(job), device) for _ in range(options.rounds))
            rate = statistics.median(rates)
            share = rate * operations(models[each], victims, images) / top
            hours[precision] += TRAJECTORIES_PER_SOURCE * ITERATIONS / rate / 3600
            results.append({"precision": precision, "source": each, "rates": rates, "share": share, "ceiling": top,
                            "variants": job.variants()})  # fmt: skip
            print(f"| {precision} | {each} | {rate:.0f} | {rates[0]:.0f} to {rates[-1]:.0f} | {100 * share:.0f} % | "
                  f"{', '.join(job.variants().values())} |", flush=True)  # fmt: skip
    for precision, value in hours.items():
        print(f"\nThe paper's study, {precision}, on one {name}: {value:.2f} hours projected")
    print(f"\n{', '.join(f'{key} {value}' for key, value in versions().items())}")
    if options.json:
        content = {"device": name, "machine": versions(), "results": results, "hours": hours}
        Path(options.json).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
