"""The named errors and the warning of presoftmax.

Each message is one line that says what is wrong, where, and what to do about it: the command line
prints it as it is.
"""

import sys
import warnings
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from typing import Any

from presoftmax.lazy import offered_by
from presoftmax.text import LINE, one_line, printable

__all__ = [
    "AttackError",
    "DataError",
    "ModelError",
    "PresoftmaxError",
    "PresoftmaxWarning",
    "RunError",
    "ScoreError",
    "StudyError",
    "check_keywords",
    "face",
    "first_line",
    "one_line",
    "warn",
]


_NEAR = 2
_BETWEEN = ("presoftmax", "torch", "contextlib", "functools")


class PresoftmaxError(Exception):
    """Something that the user can put right."""

    def __str__(self) -> str:
        # A message names paths and models, and those may hold anything.
        return printable(super().__str__(), LINE)


class ModelError(PresoftmaxError, ValueError):
    """A model that does not exist, cannot be loaded, or does not answer with logits."""


class DataError(PresoftmaxError, ValueError):
    """Images or labels that cannot be read, or do not fit the model."""


class AttackError(PresoftmaxError, ValueError):
    """An attack or a target that makes no sense for the model or the images."""


class RunError(PresoftmaxError, ValueError):
    """A run folder that cannot be made or read."""


class StudyError(PresoftmaxError, ValueError):
    """A study that makes no sense, or a study folder that cannot be gone on with."""


class ScoreError(PresoftmaxError, ValueError):
    """A score that does not exist, is called as another one, or lacks what it needs."""


class PresoftmaxWarning(UserWarning):
    """Something that went on, but that a careful reader would want to know."""


def first_line(error: BaseException, limit: int = 160) -> str:
    """The first line of somebody else's message, cut to ``limit`` characters; the error's class where it has none."""
    try:
        lines = str(error).strip().splitlines()
    except Exception:  # somebody's own class of error may not even be printable
        lines = []
    return printable((lines or [type(error).__name__])[0], limit)


def warn(message: str) -> None:
    """Warn with a `PresoftmaxWarning` that points at the user's line: the first frame that is not of this package.

    PyTorch's decorators and the standard library's context managers stand between frames of this package.
    """
    frame = sys._getframe(1)
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).partition(".")[0] in _BETWEEN:
        frame = frame.f_back
    registry = frame.f_globals.setdefault("__warningregistry__", {})
    module = str(frame.f_globals.get("__name__"))
    where = frame.f_code.co_filename, frame.f_lineno, module, registry
    warnings.warn_explicit(printable(message, LINE), PresoftmaxWarning, *where)


def face(module: str, names: Iterable[str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` of a package: what it offers and no submodules; a wrong name is told near ones.

    What the package imports only ``if TYPE_CHECKING`` is imported when it is first asked for.

    Args:
        module: its ``__name__``.
        names: its ``__all__``.
    """
    offered = sorted(names)
    homes = cache(lambda: offered_by(module))

    def get(name: str) -> Any:
        if name in offered and name in homes():
            home, there = homes()[name]
            value = getattr(import_module(home), there)
            setattr(sys.modules[module], name, value)
            return value
        by_lower = {each.lower(): each for each in offered}
        lower = [by_lower[each] for each in get_close_matches(name.lower(), by_lower, n=_NEAR)]
        near = get_close_matches(name, offered, n=_NEAR) or lower
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise AttributeError(f"{module} has no {name!r}{'' if name.startswith('__') else hint}")

    return get, lambda: list(offered)


def check_keywords(
    function: str, given: Iterable[str], known: Iterable[str], elsewhere: Mapping[str, str] = {}
) -> None:
    """Refuse keywords that a function with ``**options`` does not know.

    Args:
        function: its name.
        given: the keywords.
        known: those that it takes.
        elsewhere: what other libraries call them, and what is said of each here.

    Raises:
        TypeError: one is not known; the nearest that is, is named.
    """
    taken = list(known)
    for name in given:
        if name not in taken:
            near = get_close_matches(name, taken, n=1)
            hint = elsewhere.get(name) or (f"did you mean {near[0]}?" if near else f"it takes {', '.join(taken)}")
            raise TypeError(f"{function}() has no option {name!r}; {hint}")
