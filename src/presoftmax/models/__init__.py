"""Classifiers, the catalog of names, and the fast path."""

from typing import TYPE_CHECKING

from presoftmax.errors import face

if TYPE_CHECKING:
    from presoftmax.models.accepted import as_model, as_source, as_victims
    from presoftmax.models.catalog import (
        absolute_name,
        check_name,
        check_source,
        list_models,
        load_model,
        load_models,
        load_victim,
        table_names,
    )
    from presoftmax.models.checks import ask, check_logits, check_same_classes, checked_logits
    from presoftmax.models.classifier import BlackBox, Classifier, Model, frozen
    from presoftmax.models.devices import default_device, is_out_of_memory, naming_device
    from presoftmax.models.ensembles import ensemble
    from presoftmax.models.fast import WeightWatch, accelerate, as_variant, keep_freed_memory, worth_accelerating
    from presoftmax.models.logits import logits_in
    from presoftmax.models.names import distinct_names, own_name
    from presoftmax.models.providers import Listed
    from presoftmax.models.variants import AS_GIVEN, ModelVariant, tf32

__all__ = [
    "AS_GIVEN",
    "BlackBox",
    "Classifier",
    "Listed",
    "Model",
    "ModelVariant",
    "WeightWatch",
    "absolute_name",
    "accelerate",
    "as_model",
    "as_source",
    "as_variant",
    "as_victims",
    "ask",
    "check_logits",
    "check_name",
    "check_same_classes",
    "check_source",
    "checked_logits",
    "default_device",
    "distinct_names",
    "ensemble",
    "frozen",
    "is_out_of_memory",
    "keep_freed_memory",
    "list_models",
    "load_model",
    "load_models",
    "load_victim",
    "logits_in",
    "naming_device",
    "own_name",
    "table_names",
    "tf32",
    "worth_accelerating",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = face(__name__, __all__)
