"""Classifiers, the catalog of names, and the choice of images that all of them get right."""

from presoftmax.models.acceleration import (
    Choice,
    accelerated,
    as_fast_as_pays,
    on_path,
    on_portable_path,
    on_usual_path,
    pays,
)
from presoftmax.models.catalog import absolute_name, list_models, load_model, load_models, load_victim, table_names
from presoftmax.models.checks import ask, check_logits, check_same_classes, checked_logits
from presoftmax.models.classifier import BlackBox, Classifier, Model, as_model, as_source, frozen
from presoftmax.models.devices import default_device, is_out_of_memory
from presoftmax.models.paths import AS_GIVEN, ModelPath, Precision, float32_products
from presoftmax.models.providers import Listed
from presoftmax.models.selection import Selection, are_right, clean_answers, select_correct
from presoftmax.models.sharing import WeightWatch

__all__ = [
    "AS_GIVEN",
    "BlackBox",
    "Choice",
    "Classifier",
    "Listed",
    "Model",
    "ModelPath",
    "Precision",
    "Selection",
    "WeightWatch",
    "absolute_name",
    "accelerated",
    "are_right",
    "as_fast_as_pays",
    "as_model",
    "as_source",
    "ask",
    "check_logits",
    "check_same_classes",
    "checked_logits",
    "clean_answers",
    "default_device",
    "float32_products",
    "frozen",
    "is_out_of_memory",
    "list_models",
    "load_model",
    "load_models",
    "load_victim",
    "on_path",
    "on_portable_path",
    "on_usual_path",
    "pays",
    "select_correct",
    "table_names",
]
