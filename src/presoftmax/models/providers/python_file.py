"""A user's own model: a function in a Python file."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from presoftmax.errors import ModelError
from presoftmax.extensions import absolute_spec, call, is_python_name, load_object
from presoftmax.models.providers.provider import Listed, Request

if TYPE_CHECKING:
    from presoftmax.models.classifier import BlackBox, Classifier

__all__ = ["PythonFile"]


class PythonFile:
    """``FILE.py:FUNCTION``. The file's code runs: only name files that you trust.

    The function takes no arguments and returns a `Classifier`, or an ``nn.Module`` that takes [0, 1] images and
    returns logits, or, for a victim, a `BlackBox` or any callable from 8-bit images to logits; the name may also be
    that of a finished `Classifier`, `BlackBox` or ``nn.Module``. A list ``CLASSES`` in the file names the classes.
    """

    def is_for(self, request: Request) -> bool:
        """Whether the name looks like a Python file with a function."""
        return is_python_name(request.path)

    def accepts(self, request: Request) -> bool:
        """Whether the name looks like a Python file with a function."""
        return self.is_for(request)

    def load(self, request: Request) -> "Classifier | BlackBox":
        """Run the file, call the function."""
        from torch import nn

        from presoftmax.models.classifier import BlackBox, Classifier

        request.check_options("weights")
        loaded = load_object(request.path, "model", ModelError)
        given = loaded.value
        network = given if isinstance(given, Classifier | BlackBox | nn.Module) else call(loaded)
        if request.options:
            _load(request, network)
        if isinstance(network, Classifier | BlackBox):
            return network
        classes = _class_names(request.name, getattr(loaded.module, "CLASSES", None))
        if isinstance(network, nn.Module):
            return Classifier(network, classes=classes)
        if callable(network) and not isinstance(network, type):
            return BlackBox(network, classes=classes)
        function = request.path.rpartition(":")[2]
        what = f"the class {network.__name__}, not one of it" if isinstance(network, type) else type(network).__name__
        raise ModelError(f"model {request.name!r}: {function}() returned {what}, no nn.Module and no callable")

    def short_name(self, request: Request) -> str:
        """``FILE:FUNCTION``, without the folder and the ending."""
        file, _, function = request.path.rpartition(":")
        return f"{Path(file).stem}:{function}"

    def absolute_path(self, request: Request) -> str:
        """The file's absolute path, and the function."""
        return absolute_spec(request.path)

    def list(self) -> Iterable[Listed]:
        """The form of the name."""
        yield Listed("FILE.py:FUNCTION", True, "")


def _load(request: Request, network: Any) -> None:
    """Put the weights that were asked for into a network."""
    from torch import nn

    from presoftmax.models._weights import load_weights
    from presoftmax.models.classifier import Classifier

    file, inner = request.weights_file(), network.network if isinstance(network, Classifier) else network
    if file is None:
        raise ModelError(f"model {request.name!r}: weights={request.options['weights']} is no file")
    if not isinstance(inner, nn.Module):
        raise ModelError(f"model {request.name!r}: weights= goes with a network, not with {type(network).__name__}")
    load_weights(inner, file, request.path)


def _class_names(name: str, given: Any) -> tuple[str, ...] | None:
    """The names in ``CLASSES``: a sequence, or ``{0: "cat", 1: "dog"}``."""
    if given is None:
        return None
    if isinstance(given, Mapping) and set(given) == set(range(len(given))):
        given = [given[number] for number in range(len(given))]
    if isinstance(given, str | bytes | Mapping) or not hasattr(given, "__iter__"):
        raise ModelError(f"model {name!r}: CLASSES in its file must be a list of names, not {type(given).__name__}")
    return tuple(str(each) for each in given)
