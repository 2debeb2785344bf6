"""What commands share: a progress bar on stderr, plain tables, and a stdout that nothing else writes to."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import Any, Self

from rich.console import Console
from rich.progress import Progress, ProgressColumn, TaskID, TextColumn
from rich.table import Table

from presoftmax.models import keep_freed_memory

__all__ = ["Display", "plain_table", "plain_text", "quiet", "say", "terminal"]


def terminal(stderr: bool = False) -> Console:
    """The console that every command prints to: names of files, models and classes stay as they are, brackets too."""
    return Console(stderr=stderr, markup=False, emoji=False)


def plain_text(text: str) -> TextColumn:
    """A column of a progress bar whose text stays as it is."""
    return TextColumn(text, markup=False)


class Display:
    """A bar for what is under way, quiet where there is no terminal, and lines beside it; used as a context."""

    def __init__(self, console: Console, *columns: ProgressColumn) -> None:
        self._console = console
        self._bar = Progress(*columns, console=console, disable=not console.is_terminal)
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.stop()

    def stop(self) -> None:
        """Leave the bars as they are."""
        self._bar.stop()

    def _say(self, text: str) -> None:
        say(self._console, text)


@contextmanager
def quiet(doing: str = "") -> Iterator[None]:
    """While models run: whatever they print goes to stderr, not between a script and its JSON; freed memory is kept.

    Args:
        doing: said on stderr meanwhile, where it is a terminal.
    """
    with redirect_stdout(sys.stderr), keep_freed_memory():
        if not doing:
            yield
            return
        with terminal(stderr=True).status(doing):
            yield


def plain_table(headings: Sequence[str], left: Sequence[str] = (), **options: Any) -> Table:
    """A table without lines; columns are right-justified but for those ``left``. Options are of each column."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in headings:
        table.add_column(heading, justify="left" if heading in left else "right", **options)
    return table


def say(console: Console, text: str) -> None:
    """Print a line as it is, unbroken."""
    console.print(text, highlight=False, soft_wrap=True)
