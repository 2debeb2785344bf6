"""How strong an adversarial example really is, from what stands before the softmax.

Names are loaded when they are first used, so that ``presoftmax --help`` need not wait for PyTorch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from presoftmax._version import __version__

if TYPE_CHECKING:
    from presoftmax import analysis, attacks, data, defense, errors, models, numerics, scores, strength, study
    from presoftmax.data import ImageSet, Preprocessing, list_images, read_images, samples
    from presoftmax.interop import Recording, record
    from presoftmax.judging import Judged
    from presoftmax.judging.judge import judge
    from presoftmax.models import BlackBox, Classifier, list_models, load_model, load_models
    from presoftmax.models.ensembles import ensemble
    from presoftmax.scores import NaturalReference
    from presoftmax.tables import schema
    from presoftmax.tracing import Trace, prepare, select_correct
    from presoftmax.tracing.trace import trace

_MODULES = ("analysis", "attacks", "data", "defense", "errors", "models", "numerics", "scores", "strength", "study")
_NAMES = {
    "presoftmax.data": ("Preprocessing", "ImageSet", "list_images", "read_images", "samples"),
    "presoftmax.interop": ("Recording", "record"),
    "presoftmax.judging": ("Judged", "judge"),
    "presoftmax.models": ("BlackBox", "Classifier", "ensemble", "list_models", "load_model", "load_models"),
    "presoftmax.scores": ("NaturalReference",),
    "presoftmax.tables": ("schema",),
    "presoftmax.tracing": ("Trace", "prepare", "select_correct", "trace"),
}
_HOME = {name: module for module, names in _NAMES.items() for name in names}

__all__ = [
    "BlackBox",
    "Classifier",
    "ImageSet",
    "Judged",
    "NaturalReference",
    "Preprocessing",
    "Recording",
    "Trace",
    "__version__",
    "analysis",
    "attacks",
    "data",
    "defense",
    "ensemble",
    "errors",
    "judge",
    "list_images",
    "list_models",
    "load_model",
    "load_models",
    "models",
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
