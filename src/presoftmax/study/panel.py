"""The models of a study, loaded once per process and held."""

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

from presoftmax.models import (
    BlackBox,
    Classifier,
    Model,
    ModelVariant,
    as_source,
    as_variant,
    load_model,
    load_victim,
)
from presoftmax.printing import Printed
from presoftmax.study._patience import Patient
from presoftmax.study.model_names import ModelNames

__all__ = ["Panel", "load_panel"]


@dataclass(frozen=True, repr=False)
class Panel(Printed):
    """The loaded models, in the order of their names."""

    sources: tuple[Classifier, ...]
    only_victims: tuple[Model, ...]

    @property
    def models(self) -> tuple[Model, ...]:
        """All of them."""
        return (*self.sources, *self.only_victims)

    def unanswered(self) -> Counter[str]:
        """How many calls each black box has not answered in time, since it was loaded."""
        functions = {model.name: model.function for model in self.models if isinstance(model, BlackBox)}
        return Counter({name: each.unanswered for name, each in functions.items() if isinstance(each, Patient)})

    def victims_of(self, source: int) -> tuple[Model, ...]:
        """Everything but the source itself."""
        return tuple(model for i, model in enumerate(self.models) if i != source)


@lru_cache(maxsize=1)
def load_panel(names: ModelNames, device: str) -> Panel:
    """Load the models; a worker that is asked again for the same ones still has them."""
    models: list[Classifier | BlackBox] = [load_model(name, device) for name in names.specs[: names.sources]]
    models += [load_victim(name, device) for name in names.specs[names.sources :]]
    for model, name in zip(models, names.labels, strict=True):
        model.name = name
        if isinstance(model, BlackBox) and not isinstance(model.function, Patient):
            model.function = Patient(model.function, names.timeout)
    for i, variant in enumerate(names.variants):
        if variant:
            models[i] = as_variant(as_source(models[i]), ModelVariant.parse(variant))
    return Panel(tuple(map(as_source, models[: names.sources])), tuple(models[names.sources :]))
