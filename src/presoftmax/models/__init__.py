"""Classifiers, the catalog of names, and the fast path."""

from presoftmax.models.catalog import absolute_name, list_models, load_model, load_models, load_victim, table_names
from presoftmax.models.checks import ask, check_logits, check_same_classes, checked_logits
from presoftmax.models.classifier import BlackBox, Classifier, Model, as_model, as_source, frozen
from presoftmax.models.devices import default_device, is_out_of_memory, naming_device
from presoftmax.models.fast import (
    Choice,
    WeightWatch,
    accelerated,
    as_fast_as_pays,
    freed_memory_kept,
    on_path,
    on_portable_path,
    on_usual_path,
    pays,
)
from presoftmax.models.providers import Listed
from presoftmax.models.variants import AS_GIVEN, ModelPath, Precision, float32_products

__all__ = [
    "AS_GIVEN",
    "BlackBox",
    "Choice",
    "Classifier",
    "Listed",
    "Model",
    "ModelPath",
    "Precision",
    "WeightWatch",
    "absolute_name",
    "accelerated",
    "as_fast_as_pays",
    "as_model",
    "as_source",
    "ask",
    "check_logits",
    "check_same_classes",
    "checked_logits",
    "default_device",
    "float32_products",
    "freed_memory_kept",
    "frozen",
    "is_out_of_memory",
    "list_models",
    "load_model",
    "load_models",
    "load_victim",
    "naming_device",
    "on_path",
    "on_portable_path",
    "on_usual_path",
    "pays",
    "table_names",
]
