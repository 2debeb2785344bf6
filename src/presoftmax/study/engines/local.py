"""This machine: a plain loop on one device, one process for each of several."""

from collections.abc import Iterator, Sequence

import torch

from presoftmax.errors import StudyError
from presoftmax.models import default_device
from presoftmax.study.engines._processes import run_on_processes
from presoftmax.study.engines.engine import Key, Tasks, Work
from presoftmax.study.tasks import OnBlock, TaskResult

__all__ = ["LocalEngine"]


class LocalEngine:
    """Runs tasks here.

    Args:
        devices: where; a GPU if there is one when left out, all of them for ``"cuda:all"``. With several, each gets a
            process of its own, which ends with this one.
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
            yield from run_on_processes(self.devices, work, tasks)
            return
        for key, make in tasks:
            yield key, work(make(), self.devices[0], on_block)
