"""Objects that hold thousands of images or names, in a few lines: on a terminal, in a notebook, in an error."""

from collections.abc import Iterable, Mapping, Set
from dataclasses import fields, is_dataclass
from html import escape
from itertools import islice
from pathlib import PurePath
from typing import Any

from presoftmax.text import printable

__all__ = ["Printed", "brief", "first_few"]

_LINES = 12
_WIDTH = 150
_TEXT = 40
_SHOWN = 3


class Printed:
    """Prints as its class and a line for each field, or as its own `_lines`: never more than a dozen.

    A dataclass takes it with ``repr=False``, or else its own one stands before it.
    """

    def _lines(self) -> Iterable[str]:
        yield type(self).__name__ + (f" of {len(self)}" if hasattr(self, "__len__") else "")
        names: list[str] = [each.name for each in fields(self) if each.repr] if is_dataclass(self) else []
        for name in names:
            yield f"  {name}: {brief(getattr(self, name))}"

    def __repr__(self) -> str:
        lines = [printable(line, _WIDTH) for line in self._lines()]
        if len(lines) > _LINES:
            lines[_LINES - 1 :] = [f"  ... and {len(lines) - _LINES + 1} more"]
        return "\n".join(lines)

    def __str__(self) -> str:
        return repr(self)

    def _repr_html_(self) -> str:
        """In a notebook."""
        return f"<pre>{escape(repr(self))}</pre>"


def brief(value: Any) -> str:
    """A value in a few words: arrays by type and shape, tables by their rows, of many things the first and how many."""
    if isinstance(value, Printed):
        return repr(value).splitlines()[0]
    if isinstance(value, str | PurePath):
        return printable(value, _TEXT)
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return f"{str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}"
    if hasattr(value, "height") and hasattr(value, "columns"):
        return f"a table of {value.height} rows"
    if isinstance(value, Mapping | tuple | list | Set):
        return first_few(value, brief)
    return printable(" ".join(repr(value).split()), 2 * _TEXT)


def first_few(values: Any, text: Any = brief) -> str:
    """The first few of many things, and how many there are."""
    first = ", ".join(text(each) for each in islice(values, _SHOWN))
    return f"{first}, ... ({len(values)})" if len(values) > _SHOWN else first or "none"
