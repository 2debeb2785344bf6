"""From a name to a classifier.

A name is ``SOURCE/NAME?option=value&...`` or the path of a Python file with a function, ``FILE.py:FUNCTION``. Each
source of models is a `Provider` of its own; this file only finds the right one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from os import PathLike
from typing import TYPE_CHECKING

from presoftmax.errors import ModelError, PresoftmaxError, first_line
from presoftmax.extensions import is_python_name, load_object
from presoftmax.models.names import distinct_names
from presoftmax.models.providers import PROVIDERS, Listed, Provider, Request

if TYPE_CHECKING:
    import torch

    from presoftmax.models.classifier import BlackBox, Classifier

__all__ = [
    "absolute_name",
    "check_name",
    "check_source",
    "list_models",
    "load_model",
    "load_models",
    "load_victim",
    "table_names",
]

_NEAR = 3


def load_model(name: str | PathLike[str], device: "str | torch.device | None" = None) -> "Classifier":
    """Load one classifier by its name.

    Args:
        name: ``efficientnet_lite0``, ``torchvision/resnet50``, ``timm/convnext_tiny``, ``models.py:build``; the options
            ``?weights=FILE`` (local weights), ``?weights=NAME`` (of the library's own), ``?weights=random`` and
            ``?classes=M`` can follow the names of torchvision and timm.
        device: where to put it; a GPU if there is one when left out.

    Raises:
        ModelError: no such model (the message lists near ones), a package or weights that are missing, or a black box.
        TypeError: not a name.
    """
    from presoftmax.models.classifier import Classifier

    model = load_victim(name, device)
    if not isinstance(model, Classifier):
        raise ModelError(f"model {str(name)!r} is a black box without gradient: it can be a victim, nothing else")
    return model


def load_victim(name: str | PathLike[str], device: "str | torch.device | None" = None) -> "Classifier | BlackBox":
    """Load a classifier, as `load_model` does, or a black box: ``net.onnx``, or a ``FILE.py:FUNCTION`` that gives one.

    Raises:
        ModelError: as for `load_model`.
    """
    import torch

    from presoftmax.models.classifier import BlackBox
    from presoftmax.models.devices import default_device, naming_device
    from presoftmax.models.fast import as_portable

    request = Request.parse(name)
    provider = _provider(request)
    with _naming(request.name):
        model = provider.load(request)
        model.name = provider.short_name(request)
        if isinstance(model, BlackBox):
            return model
        model.eval().requires_grad_(False)
        # It only makes it faster; the logits stay the same up to rounding.
        model = as_portable(model)
        chosen = device or default_device()
        with naming_device(chosen):
            torch.empty(0, device=chosen)
        return model.to(chosen)


def check_source(name: str) -> None:
    """Refuse the name of a model that cannot be a source, without loading it: its weights may be large, or far away.

    A Python file is run, to see that it defines the name.

    Raises:
        ModelError: no such model, file, name in it or file of weights, or an ONNX file.
    """
    request = Request.parse(name)
    _provider(request)
    if is_python_name(request.path):
        load_object(request.path, "model", ModelError)
    elif request.path.endswith(".onnx"):
        raise ModelError(f"model {name!r} is a black box without gradient: it can be a victim, nothing else")
    if (file := request.weights_file()) is not None and not file.is_file():
        raise ModelError(f"model {name!r}: no file {file}")


def load_models(*names: str | PathLike[str], device: "str | torch.device | None" = None) -> "list[Classifier]":
    """Load several classifiers, see `load_model`; those of the same name are numbered as in `table_names`."""
    models = [load_model(name, device) for name in names]
    for model, unique in zip(models, table_names(*names), strict=True):
        model.name = unique
    return models


def check_name(name: str | PathLike[str]) -> None:
    """Refuse a name that no library knows; raises `ModelError`, which lists near ones."""
    _provider(Request.parse(name))


def table_names(*names: str | PathLike[str]) -> list[str]:
    """How tables call models of these names: without options and folders, a repeated one with its number."""
    requests = [Request.parse(name) for name in names]
    return list(distinct_names(_by_form(request).short_name(request) for request in requests))


def absolute_name(name: str | PathLike[str]) -> str:
    """The same model's name with the paths in it made absolute, so that it means the same in any folder."""
    request = Request.parse(name)
    path = _by_form(request).absolute_path(request)
    options = dict(request.options)
    if (file := request.weights_file()) is not None:
        options["weights"] = str(file.absolute())
    query = "&".join(f"{key}={value}" for key, value in options.items())
    return f"{path}?{query}" if query else path


def list_models() -> list[Listed]:
    """Every model that has a name, with whether it is available here and what it needs."""
    return [listed for provider in PROVIDERS for listed in provider.list()]


@contextmanager
def _naming(name: str) -> Iterator[None]:
    """Turn whatever a library or a user's network raises while it is built into a `ModelError` that names it."""
    try:
        yield
    except (PresoftmaxError, KeyboardInterrupt):
        raise
    except BaseException as error:  # a class of their own, or an exit
        raise ModelError(f"model {name!r}: {type(error).__name__}: {first_line(error)}") from error


def _provider(request: Request) -> Provider:
    found = next((each for each in PROVIDERS if each.accepts(request)), None)
    if found is None:
        raise ModelError(f"no model {request.name!r}{_near(request.path)}; 'presoftmax models' lists what there is")
    return found


def _by_form(request: Request) -> Provider:
    """Whose the name is by its form; whether there is such a model is not asked, which would import its library."""
    found = next((each for each in PROVIDERS if each.is_for(request)), None)
    return found or _provider(request)


def _near(path: str) -> str:
    known = [listed.name for listed in list_models()]
    tail = path.rpartition("/")[2]
    same = [name for name in known if name.rpartition("/")[2] == tail]
    by_tail = {name.rpartition("/")[2]: name for name in reversed(known)}
    close = [by_tail[each] for each in get_close_matches(tail, by_tail, n=_NEAR, cutoff=0.6)]
    near = same or get_close_matches(path, known, n=_NEAR, cutoff=0.75) or close
    return f"; near: {', '.join(near[:_NEAR])}" if near else ""
