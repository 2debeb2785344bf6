"""How strong an adversarial example really is, from what stands before the softmax.

Names are loaded when they are first used, so that ``presoftmax --help`` need not wait for PyTorch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from presoftmax._version import __version__

if TYPE_CHECKING:
    from presoftmax import analysis, attacks, errors, numerics, schema, scores, strength, study
    from presoftmax.data import Framing, ImageSet, list_images, read_images, samples
    from presoftmax.interop import Recording, record
    from presoftmax.models import BlackBox, Classifier, list_models, load_model, load_models, select_correct
    from presoftmax.natural import NaturalReference
    from presoftmax.tracing import Trace, prepare, trace

_MODULES = ("analysis", "attacks", "errors", "numerics", "schema", "scores", "strength", "study")
_NAMES = {
    "presoftmax.data": ("Framing", "ImageSet", "list_images", "read_images", "samples"),
    "presoftmax.interop": ("Recording", "record"),
    "presoftmax.models": (
        "BlackBox",
        "Classifier",
        "list_models",
        "load_model",
        "load_models",
        "select_correct",
    ),
    "presoftmax.natural": ("NaturalReference",),
    "presoftmax.tracing": ("Trace", "prepare", "trace"),
}
_HOME = {name: module for module, names in _NAMES.items() for name in names}

__all__ = [
    "BlackBox",
    "Classifier",
    "Framing",
    "ImageSet",
    "NaturalReference",
    "Recording",
    "Trace",
    "__version__",
    "analysis",
    "attacks",
    "errors",
    "list_images",
    "list_models",
    "load_model",
    "load_models",
    "numerics",
    "prepare",
    "read_images",
    "record",
    "samples",
    "schema",
    "scores",
    "select_correct",
    "strength",
    "study",
    "trace",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"presoftmax.{name}")
    if name in _HOME:
        value = getattr(import_module(_HOME[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'presoftmax' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
