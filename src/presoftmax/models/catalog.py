"""From a name to a classifier.

A name is ``SOURCE/NAME?option=value&...`` or the path of a Python file with a function, ``FILE.py:FUNCTION``. Each
source of models is a `Provider` of its own; this file only finds the right one.
"""

from difflib import get_close_matches

import torch

from presoftmax.errors import ModelError
from presoftmax.models.classifier import Classifier
from presoftmax.models.devices import naming_device
from presoftmax.models.folding import folded
from presoftmax.models.providers import Listed, Provider, Request
from presoftmax.models.providers.efficientnet_lite import EfficientNetLite
from presoftmax.models.providers.python_file import PythonFile
from presoftmax.models.providers.timm import Timm
from presoftmax.models.providers.torchvision import Torchvision

__all__ = ["list_models", "load_model", "load_models"]

_NEAR = 3
_PROVIDERS: tuple[Provider, ...] = (EfficientNetLite(), Torchvision(), Timm(), PythonFile())


def load_model(name: str, device: str | torch.device | None = None) -> Classifier:
    """Load one classifier by its name.

    Args:
        name: ``efficientnet_lite0``, ``torchvision/resnet50``, ``timm/convnext_tiny``, ``models.py:build``; the options
            ``?weights=FILE`` (local weights), ``?weights=NAME`` (of the library's own), ``?weights=random`` and
            ``?classes=M`` can follow the names of torchvision and timm.
        device: where to put it; a GPU if there is one when left out.

    Raises:
        ModelError: no such model (the message lists near ones), a package or weights that are missing.
    """
    request = Request.parse(name)
    provider = next((each for each in _PROVIDERS if each.accepts(request)), None)
    if provider is None:
        raise ModelError(f"no model {name!r}{_near(request.path)}; 'presoftmax models' lists what there is")
    classifier = provider.load(request)
    classifier.name = provider.short_name(request)
    classifier.eval().requires_grad_(False)
    # Both only make it faster; the logits stay the same up to rounding.
    classifier.network = folded(classifier.network, classifier.framing.size)
    classifier.network.to(memory_format=torch.channels_last)
    place = device or ("cuda" if torch.cuda.is_available() else "cpu")
    with naming_device(place):
        return classifier.to(place)


def load_models(*names: str, device: str | torch.device | None = None) -> list[Classifier]:
    """Load several classifiers; see `load_model`."""
    return [load_model(name, device) for name in names]


def list_models() -> list[Listed]:
    """Every model that has a name, with whether it is available here and what it needs."""
    return [listed for provider in _PROVIDERS for listed in provider.list()]


def _near(path: str) -> str:
    known = [listed.name for listed in list_models()]
    tail = path.rpartition("/")[2]
    same = [name for name in known if name.rpartition("/")[2] == tail]
    by_tail = {name.rpartition("/")[2]: name for name in reversed(known)}
    close = [by_tail[each] for each in get_close_matches(tail, by_tail, n=_NEAR, cutoff=0.6)]
    near = same or get_close_matches(path, known, n=_NEAR, cutoff=0.75) or close
    return f"; near: {', '.join(near[:_NEAR])}" if near else ""
