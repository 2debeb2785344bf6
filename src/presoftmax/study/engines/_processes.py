"""Worker processes of this machine: one for each device, which end with the process that they work for.

A pool of the standard library waits for its workers when it is left, and its workers outlive a parent that is killed.
Here nobody waits: a worker that is no longer wanted is killed, and one whose parent is gone ends itself.
"""

import ctypes
import multiprocessing
import os
import pickle
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from multiprocessing.connection import Connection, wait
from typing import Any

import torch

from presoftmax.errors import StudyError, first_line
from presoftmax.study.engines.engine import Key, Tasks, Work
from presoftmax.study.tasks import TaskResult

__all__ = ["run_on_processes"]

# What a terminal sends to all of its processes is for the parent alone, which says it in one line and ends the others.
_FOR_THE_PARENT = [getattr(signal, name) for name in ("SIGINT", "SIGHUP") if hasattr(signal, name)]
_PR_SET_PDEATHSIG = 1
_KILLED_WITHIN = 2.0


class _Worker:
    """A process with a device of its own."""

    def __init__(self, device: str, work: Work, threads: int) -> None:
        self.device = device
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        by_main = threading.current_thread() is threading.main_thread()
        self._process = context.Process(target=_serve, args=(theirs, work, device, threads, by_main))
        with _deaf_children():
            self._process.start()
        theirs.close()

    def give(self, task: Any) -> None:
        """Hand it a task; raises `StudyError` where it has died."""
        try:
            self.connection.send(task)
        except OSError as error:
            raise self._dead() from error

    def result(self) -> TaskResult:
        """What came of the task, once its connection is ready; what the task raised is raised here."""
        try:
            answer: TaskResult | Exception = self.connection.recv()
        except (EOFError, OSError) as error:
            raise self._dead() from error
        if isinstance(answer, Exception):
            raise answer
        return answer

    def kill(self) -> None:
        """End it, whatever it is doing."""
        self._process.kill()

    def close(self) -> None:
        """Wait until it is gone."""
        self._process.join(_KILLED_WITHIN)
        self.connection.close()

    def _dead(self) -> StudyError:
        self._process.join(_KILLED_WITHIN)
        how = f"exit status {self._process.exitcode}"
        return StudyError(f"the worker process of {self.device} died ({how}; out of memory?); run again to go on")


def run_on_processes(devices: Sequence[str], work: Work, tasks: Tasks[Key]) -> Iterator[tuple[Key, TaskResult]]:
    """Results of tasks with their keys, as they are finished; a worker has one task at a time.

    Raises:
        StudyError: a worker has died.
    """
    threads = max(1, torch.get_num_threads() // len(devices))
    workers: list[_Worker] = []
    busy: dict[Any, tuple[_Worker, Key]] = {}
    try:
        first = list(islice(tasks, len(devices)))
        # All are started before one gets a task: it reads it when it has imported PyTorch.
        workers += [_Worker(device, work, threads) for device in devices[: len(first)]]
        for worker, (key, make) in zip(workers, first, strict=True):
            worker.give(make())
            busy[worker.connection] = worker, key
        for key, make in tasks:
            worker, done = _next(busy)
            try:
                worker.give(make())
                busy[worker.connection] = worker, key
            finally:  # what is done is kept, whatever becomes of the next task
                yield done
        while busy:
            yield _next(busy)[1]
    finally:
        for worker in workers:
            worker.kill()
        for worker in workers:
            worker.close()


def _next(busy: dict[Any, tuple[_Worker, Key]]) -> tuple[_Worker, tuple[Key, TaskResult]]:
    """Wait for a worker that is done: it, and its result with its key."""
    worker, key = busy.pop(wait(list(busy))[0])
    return worker, (key, worker.result())


@contextmanager
def _deaf_children() -> Iterator[None]:
    """Children that are started inside hear no signal of the terminal, from their first instruction on."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _FOR_THE_PARENT)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


# In the worker.


def _serve(connection: Connection, work: Work, device: str, threads: int, by_main: bool) -> None:
    _end_with_parent(by_main)
    for number in _FOR_THE_PARENT:
        signal.signal(number, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _FOR_THE_PARENT)
    torch.set_num_threads(threads)
    with suppress(EOFError, OSError):  # the parent is gone
        while True:
            connection.send(_answer(connection.recv(), work, device))


def _answer(task: Any, work: Work, device: str) -> TaskResult | Exception:
    try:
        return work(task, device, None)
    except Exception as error:  # whatever a task raises is raised in the parent
        return _portable(error)


def _portable(error: Exception) -> Exception:
    """An error that another process can read: of a class of the user's own file, perhaps only its words can go."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # a class can fail in any way when it is made anew
        return RuntimeError(f"{type(error).__name__}: {first_line(error)}")
    return error


def _end_with_parent(by_main: bool) -> None:
    """End this process when its parent ends, however that ends.

    A pipe that the parent holds tells of its end everywhere. A task that never lets this thread run (a C function that
    keeps the interpreter) is ended by Linux itself; which counts a thread as the parent, so only that of a main one.
    """
    if by_main and sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_watch, args=(parent.sentinel,), daemon=True).start()


def _watch(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)
