"""What commands share: a progress bar on stderr, plain tables, and a stdout that nothing else writes to."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import Any, Self

from rich.console import Console, RenderableType
from rich.progress import Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

from presoftmax.models import keep_freed_memory
from presoftmax.text import LINE, printable

__all__ = ["Display", "plain_table", "plain_text", "quiet", "say", "terminal"]


def terminal(stderr: bool = False) -> Console:
    """The console that every command prints to: names of files, models and classes stay as they are, brackets too.

    But for what would reach the terminal itself: control characters are shown as their escapes.
    """
    return _PlainConsole(stderr=stderr, markup=False, emoji=False)


class _PlainConsole(Console):
    def render_str(self, text: str, **options: Any) -> Text:
        """What becomes of each text that is printed, on its own or in a table."""
        return super().render_str("\n".join(printable(line, LINE) for line in text.split("\n")), **options)


class _PlainColumn(TextColumn):
    def render(self, task: Task) -> Text:
        """The text of a task, which holds names."""
        return Text(printable(self.text_format.format(task=task), LINE), style=self.style, justify=self.justify)


class _PlainTable(Table):
    def add_row(self, *cells: RenderableType | None, **options: Any) -> None:
        """Add a row whose texts are each on one line."""
        super().add_row(*(printable(cell) if isinstance(cell, str) else cell for cell in cells), **options)


def plain_text(text: str) -> TextColumn:
    """A column of a progress bar whose text stays as it is."""
    return _PlainColumn(text, markup=False)


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
    """A table without lines; columns are right-justified but for those ``left``. Options are of each column.

    A cell is a text, or a rich ``Text`` where it has a color.
    """
    table = _PlainTable(box=None, pad_edge=False, header_style="dim")
    for heading in headings:
        table.add_column(printable(heading), justify="left" if heading in left else "right", **options)
    return table


def say(console: Console, text: str) -> None:
    """Print a line, unbroken; line breaks at its beginning are its own, further ones come from a name."""
    line = text.lstrip("\n")
    console.print(f"{text[: len(text) - len(line)]}{printable(line, LINE)}", highlight=False, soft_wrap=True)
