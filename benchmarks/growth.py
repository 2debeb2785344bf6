"""Time and memory of the loop against what it is given more of: images, iterations, victims, pixels, batch.

    python -m benchmarks.growth [--rounds 5] [--json FILE]

A small residual network on random images, 64 of 32 pixels for 20 iterations with one victim if nothing else is said.
Each setting has a process of its own, and they run in turns. Microseconds are per image and iteration, memory is the
peak above what was in use before.
"""

import argparse
import json
import statistics
import subprocess
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from benchmarks.measuring import time_and_memory
from presoftmax.storage import versions


@dataclass(frozen=True)
class Setting:
    images: int = 64
    iterations: int = 20
    victims: int = 1
    size: int = 32
    batch: int = 64


def settings() -> list[tuple[str, Setting]]:
    """What is varied, one thing at a time."""
    usual = Setting()
    varied = {
        "images": (64, 256, 1024), "iterations": (20, 80, 320), "victims": (0, 1, 2, 4), "size": (32, 64, 128),
        "batch": (1, 4, 16, 64),
    }  # fmt: skip
    return [(name, replace(usual, **{name: value})) for name, values in varied.items() for value in values]


def measure(setting: Setting) -> tuple[float, float]:
    """Seconds, and peak MiB above the start."""
    import presoftmax as ps
    from benchmarks.networks import small_resnet
    from presoftmax.tracing import stream

    images = torch.randint(0, 256, (setting.images, 3, setting.size, setting.size), dtype=torch.uint8)
    labels = torch.zeros(setting.images, dtype=torch.int64)
    victims = [small_resnet(1 + i) for i in range(setting.victims)]
    job = ps.prepare(
        ps.attacks.over_optimized(setting.iterations, 0.05), small_resnet(0), images, labels, victims=victims,
        targets=1, batch_size=setting.batch, accelerate=True,
    )  # fmt: skip
    seconds, _, above = time_and_memory(lambda: list(stream(job)))
    return seconds, above


def _in_a_process(setting: Setting) -> tuple[float, float]:
    command = [sys.executable, "-m", "benchmarks.growth", "--one", json.dumps(asdict(setting))]
    answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    seconds, memory = json.loads(answer)
    return seconds, memory


def main() -> None:
    """Run all settings and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", help="write the results there too")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(Setting(**json.loads(options.one)))))
        return
    rows = settings()
    taken: list[list[tuple[float, float]]] = [[] for _ in rows]
    for _ in range(options.rounds):
        for found, (_, setting) in zip(taken, rows, strict=True):
            found.append(_in_a_process(setting))
    results = []
    print("| varied | value | microseconds per image-iteration | range | peak above start (MiB) |")
    print("| --- | --- | --- | --- | --- |")
    for (name, setting), found in zip(rows, taken, strict=True):
        work = setting.images * (setting.iterations + 1)
        times = sorted(1e6 * seconds / work for seconds, _ in found)
        memory = statistics.median(peak for _, peak in found)
        results.append({"varied": name, **asdict(setting), "microseconds": times, "peak_mib": memory})
        print(f"| {name} | {getattr(setting, name)} | {statistics.median(times):.0f} | {times[0]:.0f} to "
              f"{times[-1]:.0f} | {memory:.0f} |")  # fmt: skip
    print(f"\n{', '.join(f'{name} {value}' for name, value in versions().items())}")
    if options.json:
        Path(options.json).write_text(json.dumps({"machine": versions(), "results": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
