"""A user's own model: a function in a Python file."""

import sys
from collections.abc import Iterable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from torch import nn

from presoftmax.errors import ModelError
from presoftmax.models.classifier import BlackBox, Classifier
from presoftmax.models.providers import Listed, Request

__all__ = ["PythonFile"]


class PythonFile:
    """``FILE.py:FUNCTION``. The file's code runs: only name files that you trust.

    The function takes no arguments and returns a `Classifier`, or an ``nn.Module`` that takes [0, 1] images and
    returns logits, or, for a victim, a `BlackBox` or any callable from 8-bit images to logits. A list ``CLASSES`` in
    the file names the classes of such a module or callable.
    """

    def accepts(self, request: Request) -> bool:
        """Whether the name looks like a Python file with a function."""
        return ".py:" in request.path

    def load(self, request: Request) -> Classifier | BlackBox:
        """Run the file, call the function."""
        request.check_options()
        file, _, function = request.path.rpartition(":")
        path = Path(file).expanduser()
        if not path.is_file():
            raise ModelError(f"model {request.name!r}: no file {path}")
        module = _run(path)
        build = getattr(module, function, None)
        if not callable(build):
            defined = [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
            raise ModelError(f"model {request.name!r}: no function {function!r} in {path}; there are {defined}")
        try:
            network = build()
        except Exception as error:  # the user's code may raise anything
            raise ModelError(f"model {request.name!r}: {function}() raised {type(error).__name__}: {error}") from error
        if isinstance(network, Classifier | BlackBox):
            return network
        classes = getattr(module, "CLASSES", None)
        if isinstance(network, nn.Module):
            return Classifier(network, classes=classes)
        if callable(network):
            return BlackBox(network, classes=classes)
        raise ModelError(
            f"model {request.name!r}: {function}() returned {type(network).__name__}, no nn.Module and no callable"
        )

    def short_name(self, request: Request) -> str:
        """``FILE:FUNCTION``, without the folder and the ending."""
        file, _, function = request.path.rpartition(":")
        return f"{Path(file).stem}:{function}"

    def absolute_path(self, request: Request) -> str:
        """The file's absolute path, and the function."""
        file, _, function = request.path.rpartition(":")
        return f"{Path(file).expanduser().absolute()}:{function}"

    def list(self) -> Iterable[Listed]:
        """The form of the name."""
        yield Listed("FILE.py:FUNCTION", True, "")


def _run(path: Path) -> ModuleType:
    spec = spec_from_file_location(f"presoftmax_user_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ModelError(f"{path}: not a Python file")
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # the user's code may raise anything
        raise ModelError(f"{path}: {type(error).__name__}: {error}") from error
    return module
