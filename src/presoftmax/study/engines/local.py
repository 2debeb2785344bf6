"""This machine: a plain loop on one device, one process for each of several."""

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import torch

from presoftmax.errors import StudyError
from presoftmax.models import default_device
from presoftmax.study.engines.engine import Key, Tasks, Work
from presoftmax.study.tasks import OnBlock, TaskResult

__all__ = ["LocalEngine"]


class LocalEngine:
    """Runs tasks here.

    Args:
        devices: where; a GPU if there is one when left out, all of them for ``"cuda:all"``. With several, each gets a
            process of its own.
    """

    def __init__(self, devices: Sequence[str] = ()) -> None:
        named = list(devices) or [default_device()]
        if named == ["cuda:all"]:
            named = [f"cuda:{i}" for i in range(torch.cuda.device_count())]
            if not named:
                raise StudyError("device 'cuda:all': there is no GPU here")
        self.devices = tuple(named)

    def map(self, work: Work, tasks: Tasks[Key], on_block: OnBlock | None = None) -> Iterator[tuple[Key, TaskResult]]:
        """Results with their keys, as they are finished."""
        if len(self.devices) > 1:
            yield from _on_processes(self.devices, work, tasks)
            return
        for key, make in tasks:
            yield key, work(make(), self.devices[0], on_block)


_device = ""


def _take_device(free: Any, threads: int) -> None:
    global _device  # a process of the pool has one device for life
    _device = free.get()
    torch.set_num_threads(threads)


def _here(work: Work, task: Any) -> TaskResult:
    return work(task, _device, None)


def _on_processes(devices: Sequence[str], work: Work, tasks: Tasks[Key]) -> Iterator[tuple[Key, TaskResult]]:
    context = multiprocessing.get_context("spawn")
    free = context.Queue()
    for device in devices:
        free.put(device)
    threads = max(1, torch.get_num_threads() // len(devices))
    pool = ProcessPoolExecutor(len(devices), context, _take_device, (free, threads))
    running: dict[Future[TaskResult], Key] = {}
    try:
        for key, make in tasks:
            running[pool.submit(_here, work, make())] = key
            if len(running) > len(devices):
                yield from _finished(running)
        while running:
            yield from _finished(running)
    except BrokenProcessPool as error:
        raise StudyError("a worker process died (out of memory?); run again to go on") from error
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _finished(running: dict[Future[TaskResult], Key]) -> Iterator[tuple[Key, TaskResult]]:
    done, _ = wait(running, return_when=FIRST_COMPLETED)
    for future in done:
        yield running.pop(future), future.result()
