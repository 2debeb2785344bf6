"""``FILE.py:NAME``. The file's code runs: only name files that you trust."""

import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from presoftmax.errors import PresoftmaxError, first_line

__all__ = ["Loaded", "absolute_spec", "call", "is_python_name", "load_object", "takes_two"]


@dataclass(frozen=True)
class Loaded:
    """What a name stands for.

    Attributes:
        value: the object of that name.
        module: the file, as a module.
        path: of the file.
        what: the name in words, for messages: ``model 'net.py:build'``.
        error: the class of error that is raised about it.
    """

    value: Any
    module: ModuleType
    path: Path
    what: str
    error: type[PresoftmaxError]


def is_python_name(text: str) -> bool:
    """Whether a text looks like a Python file with a name in it."""
    return ".py:" in text


def absolute_spec(spec: str) -> str:
    """The same with the file's path made absolute, so that it means the same in any folder."""
    file, _, name = spec.rpartition(":")
    return f"{Path(file).expanduser().absolute()}:{name}"


def load_object(spec: str, kind: str, error: type[PresoftmaxError]) -> Loaded:
    """Run a file and take a name from it.

    Args:
        spec: ``FILE.py:NAME``.
        kind: what is looked for, in a word, for messages.
        error: the class of error to raise: no such file or name, or whatever the file's code raises.
    """
    file, _, name = spec.rpartition(":")
    what, path = f"{kind} {spec!r}", Path(file).expanduser()
    if not path.is_file():
        raise error(f"{what}: no file {path}")
    module = _run(path, error)
    if not hasattr(module, name):
        defined = [each for each, value in vars(module).items() if _is_own(module, each, value)]
        raise error(f"{what}: no {kind} {name!r} in {path}; there are {', '.join(defined) or 'no names at all'}")
    return Loaded(getattr(module, name), module, path, what, error)


def call(loaded: Loaded, **settings: Any) -> Any:
    """Call what was loaded; what it raises becomes its class of error, with its name."""
    build: Callable[..., Any] = loaded.value
    if not callable(build):
        raise loaded.error(f"{loaded.what}: a function was expected, it is of type {type(build).__name__}")
    try:
        with _neighbors(loaded.path):
            return build(**settings)
    except PresoftmaxError as error:
        raise loaded.error(f"{loaded.what}: {error}") from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a class of their own, or an exit with status 0, which would look like success
        raise loaded.error(f"{loaded.what}: it raised {type(error).__name__}: {first_line(error)}") from error


def takes_two(function: Any) -> bool:
    """Whether it is a plain function of two arguments (logits, and what is known), rather than one of settings."""
    if not inspect.isroutine(function):
        return False
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(function).parameters.values()
    needed = [each for each in parameters if each.kind in kinds and each.default is inspect.Parameter.empty]
    return len(needed) == 2


def _is_own(module: ModuleType, name: str, value: Any) -> bool:
    """Whether a name of a module is defined in it, not imported."""
    if name.startswith("_") or inspect.ismodule(value):
        return False
    imported = isinstance(value, type) or inspect.isroutine(value)
    return value.__module__ == module.__name__ if imported else True


def _run(path: Path, error: type[PresoftmaxError]) -> ModuleType:
    spec = spec_from_file_location(f"presoftmax_user_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise error(f"{path}: not a Python file")
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        with _neighbors(path):
            spec.loader.exec_module(module)
    except PresoftmaxError as problem:
        raise error(f"{path}: {problem}") from problem
    except KeyboardInterrupt:
        raise
    except BaseException as problem:  # as above
        raise error(f"{path}: {type(problem).__name__}: {first_line(problem)}") from problem
    return module


@contextmanager
def _neighbors(path: Path) -> Iterator[None]:
    """Let a file import those beside it, as it could if it were run."""
    folder = str(path.absolute().parent)
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        if folder in sys.path:
            sys.path.remove(folder)
