"""Classifiers, the catalog of names, and the choice of images that all of them get right."""

from presoftmax.models.catalog import list_models, load_model, load_models
from presoftmax.models.checks import ask, check_logits, check_same_classes, checked_logits
from presoftmax.models.classifier import BlackBox, Classifier, Model, as_model, as_source, frozen
from presoftmax.models.providers import Listed
from presoftmax.models.selection import Selection, select_correct

__all__ = [
    "BlackBox",
    "Classifier",
    "Listed",
    "Model",
    "Selection",
    "as_model",
    "as_source",
    "ask",
    "check_logits",
    "check_same_classes",
    "checked_logits",
    "frozen",
    "list_models",
    "load_model",
    "load_models",
    "select_correct",
]
