"""What several benchmarks measure in the same way."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch


def wait(device: torch.device) -> None:
    """For a GPU to finish."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def time_and_memory(job: Callable[[], Any]) -> tuple[float, float, float]:
    """Seconds, peak MiB of this process meanwhile, and how much of that is above what was in use before (Linux)."""
    before = _mebibytes("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    started = time.perf_counter()
    job()
    seconds = time.perf_counter() - started
    peak = _mebibytes("VmHWM")
    return seconds, peak, peak - before


def _mebibytes(field: str) -> float:
    status = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in status if line.startswith(field)).split()[1]) / 1024
