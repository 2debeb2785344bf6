"""A bar on a terminal and in a notebook, a line now and then in a log, nothing for what is soon done."""

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from presoftmax.text import printable

__all__ = ["Bar"]

_SOON = 2.0
"""Seconds within which nothing is shown."""
_LINE = 30.0
"""Seconds between two lines in a log."""


class Bar:
    """How far something is; used as a context.

    Args:
        what: is done.
        total: steps of it.
        wanted: None: a bar where a person looks (a terminal, a notebook), else nothing; True: lines in a log, too;
            False: nothing.
        clock: seconds; for tests.
    """

    def __init__(
        self, what: str, total: int, wanted: bool | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._what, self._total, self._done = printable(what), total, 0
        self._console = Console(stderr=True, markup=False, emoji=False)
        self._looked_at = self._console.is_terminal or self._console.is_jupyter
        self._shown = wanted if wanted is not None else self._looked_at
        self._clock, self._began = clock, clock()
        self._last_line = self._began
        self._bar: Progress | None = None
        self._task = TaskID(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def advance(self, steps: int = 1, seen: str = "") -> None:
        """So many steps more are done.

        Args:
            steps: how many.
            seen: what is to be said beside the bar.
        """
        self._done += steps
        now = self._clock()
        if not self._shown or now - self._began < _SOON:
            return
        if self._looked_at:
            self._draw(printable(seen))
        elif now - self._last_line >= _LINE:
            self._last_line = now
            left = (now - self._began) * (self._total - self._done) / max(self._done, 1)
            print(f"{self._what}: {self._done} of {self._total}, about {left:.0f} s left", file=sys.stderr)

    def _draw(self, seen: str) -> None:
        if self._bar is None:
            columns = (
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=20),
                TextColumn("{task.completed:.0f}/{task.total:.0f} {task.fields[seen]}", markup=False),
                TimeRemainingColumn(compact=True),
            )
            self._bar = Progress(*columns, console=self._console, transient=True)
            self._task = self._bar.add_task(self._what, total=self._total, seen=seen)
            self._bar.start()
        self._bar.update(self._task, completed=self._done, seen=seen)
