"""The process of one contender."""

import time
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from benchmarks.networks import CASES
from benchmarks.side_by_side.contenders import CONTENDERS, Task, largest_logits


def work(case_name: str, contender: str, pipe: Connection) -> None:
    """A contender's process: get ready, then do the job each time it is asked to."""
    case = CASES[case_name]
    source, *victims = case.models()
    pixels = case.images(case.count)
    with torch.no_grad():
        labels = source(pixels.float() / 255).argmax(dim=1)
    started = time.perf_counter()
    job = CONTENDERS[contender](Task(source, victims, pixels, labels, case.steps))
    ready = time.perf_counter() - started
    pipe.send({"ready_s": ready, "largest": largest_logits(job()).numpy()})
    while pipe.recv():
        before = _memory("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        started = time.perf_counter()
        job()
        seconds = time.perf_counter() - started
        pipe.send({"seconds": seconds, "peak": _memory("VmHWM"), "above": _memory("VmHWM") - before})


def _memory(field: str) -> float:
    """MiB, of /proc/self/status."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) / 1024
