"""The process of one contender."""

import time
from multiprocessing.connection import Connection

import torch

from benchmarks.measuring import time_and_memory
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
        seconds, peak, above = time_and_memory(job)
        pipe.send({"seconds": seconds, "peak": peak, "above": above})
