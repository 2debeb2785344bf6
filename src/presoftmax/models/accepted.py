"""Models as people have them in Python: wrapped, plain, callable, by name."""

from collections.abc import Iterable, Mapping
from os import PathLike
from typing import Any

from torch import nn

from presoftmax.models._arguments import told
from presoftmax.models.catalog import load_victim
from presoftmax.models.classifier import BlackBox, Classifier, Model
from presoftmax.models.names import distinct_names, own_name

__all__ = ["as_model", "as_source", "as_victims"]


def as_model(model: Any, role: str = "model") -> Model:
    """A victim of anything: a `Classifier` as it is, an ``nn.Module`` of [0, 1] images, a black-box callable, a name.

    Args:
        model: one of these; a name as for `load_victim`.
        role: the name of one that has none (a lambda).

    Raises:
        ModelError: a name that there is no model of.
        TypeError: none of these.
    """
    if isinstance(model, Classifier | BlackBox):
        return model
    if isinstance(model, str | PathLike):
        return load_victim(str(model))
    if isinstance(model, nn.Module):
        return Classifier(model)
    if callable(model) and not isinstance(model, type):
        return BlackBox(model, name=own_name(model, role))
    raise TypeError(f"a {role} is a Classifier, an nn.Module, a callable or a name, not {told(model)}")


def as_victims(victims: Any, taken: Iterable[str] = ()) -> dict[str, Model]:
    """Victims by the names under which tables can tell them apart.

    Args:
        victims: ``{"vgg": net}``, several models, or one; each as for `as_model`.
        taken: names that are in use already.

    Raises:
        TypeError: something that is no model.
    """
    if isinstance(victims, Mapping):
        given = [(str(name), as_model(model, "victim")) for name, model in victims.items()]
    else:
        several = isinstance(victims, Iterable) and not isinstance(victims, nn.Module | str | PathLike)
        models = [as_model(victim, "victim") for victim in (victims if several else [victims])]
        given = [(model.name, model) for model in models]
    return dict(zip(distinct_names((name for name, _ in given), taken), (model for _, model in given), strict=True))


def as_source(model: Any) -> Classifier:
    """A source of anything that has a gradient: a `Classifier`, an ``nn.Module`` of [0, 1] images, or a name.

    ``{"vgg": net}`` names it.

    Raises:
        TypeError: a black box, or no model at all.
    """
    if isinstance(model, Mapping):
        if len(model) != 1:
            raise TypeError(f"an attack has one source, got {len(model)}")
        ((name, network),) = model.items()
        named = as_source(network)
        return named if named.name == name else named.named(str(name))
    source = as_model(model, "source")
    if not isinstance(source, Classifier):
        raise TypeError("the source must be a Classifier, an nn.Module or its name: an attack needs its gradient")
    return source
