"""What an engine is: it runs a function on tasks, wherever it likes."""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from presoftmax.study.tasks import OnBlock, TaskResult

__all__ = ["Engine", "Key", "Tasks", "Work", "closing"]

Key = TypeVar("Key")
Work = Callable[[Any, str, OnBlock | None], TaskResult]
"""A function of `presoftmax.study.tasks`: a task, a device, who watches (where the engine can tell)."""
Tasks = Iterator[tuple[Key, Callable[[], Any]]]
"""Keys with what makes their task; it is called when a worker is free, so only tasks under way are in memory."""


class Engine(Protocol):
    """Runs a function on tasks."""

    def map(self, work: Work, tasks: Tasks[Key], on_block: OnBlock | None = None) -> Iterator[tuple[Key, TaskResult]]:
        """Results with their keys, as they are finished. What a task raises is raised here."""
        ...


@contextmanager
def closing(results: Iterator[tuple[Key, TaskResult]]) -> Iterator[Iterator[tuple[Key, TaskResult]]]:
    """Results to loop over; when the block is left, by whatever way, the workers of a built-in engine end at once."""
    try:
        yield results
    finally:
        if isinstance(results, Generator):
            results.close()
