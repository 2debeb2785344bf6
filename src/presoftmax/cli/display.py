"""A progress bar on stderr that is quiet where there is no terminal, and lines beside it."""

from typing import Any, Self

from rich.console import Console
from rich.progress import Progress, ProgressColumn, TaskID

__all__ = ["Display"]


class Display:
    """A bar for what is under way; used as a context."""

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
        self._console.print(text, highlight=False, soft_wrap=True)
