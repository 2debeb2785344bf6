"""Ensembles: several models as one source or victim."""

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from os import PathLike
from typing import Any

from torch import nn

from presoftmax.errors import ModelError
from presoftmax.models._ensemble import Averaged, Ensemble
from presoftmax.models.accepted import as_source
from presoftmax.models.classifier import Classifier

__all__ = ["ensemble"]

_NAMED = 3


def ensemble(
    models: Mapping[str, Any] | Iterable[Any],
    of: str = "logits",
    weights: Sequence[float] | None = None,
    name: str | None = None,
) -> Classifier:
    """Several models as one, to attack together (Dong et al. 2018, arXiv:1710.06081) or to be shown examples.

    ::

        both = ps.ensemble({"resnet": resnet, "vgg": vgg})
        ps.trace(ps.attacks.mi_fgsm(10), both, images, labels, victims={"densenet": densenet})

    ``"logits"`` is the mean of the logits, which the paper found to transfer best. The softmax of ``"probabilities"``
    is exactly the mean of the members' probabilities. Its log alone would be no logits: log-probabilities have lost
    their scale, the largest one saturates at 0, and a CA1 would say nothing. The mean of the members' logsumexp is
    added, which no probability and no log-odds sees: an ensemble of one is then the model itself, and a constant added
    to all members' logits is added to the ensemble's.

    Args:
        models: at least one, each as the source of `presoftmax.trace` (a network of [0, 1] images, a `Classifier` with
            its own normalization and input size, a name), of the same classes in the same order; a list, or by name.
        of: what is averaged, ``"logits"`` or ``"probabilities"``.
        weights: one positive number per model, scaled to a sum of 1; all the same when left out.
        name: how tables and figures call it; the members' names when left out.

    Returns:
        A `Classifier`. Its device is that of the first model, each stays on its own. Its ``std``, the scale of an
        attack's steps in normalized space, is the members' own where they share it, else the mean of theirs.

    Raises:
        ModelError: no model, weights or an ``of`` that do not fit; and, when it first sees images, members with
            different numbers of classes, or without logits.
        TypeError: a model without gradient, or no model at all.
    """
    if isinstance(models, Mapping):
        members = [as_source({key: model}) for key, model in models.items()]
    elif isinstance(models, nn.ModuleList) or _are_several(models):
        members = [as_source(model) for model in models]
    else:
        raise TypeError(f"ensemble takes several models, as a list or as {{name: model}}, not {type(models).__name__}")
    if not members:
        raise ModelError("an ensemble has at least one model, got none")
    names = [member.name for member in members]
    own = "+".join(names) if len(names) <= _NAMED else f"{names[0]}+{len(names) - 1} more"
    return Ensemble(members, _shares(weights, len(members)), _averaged(of), name or own, checked=False)


def _are_several(models: Any) -> bool:
    return isinstance(models, Iterable) and not isinstance(models, nn.Module | str | PathLike)


def _averaged(of: str) -> Averaged:
    if of not in list(Averaged):
        raise ModelError(f"of must be {' or '.join(Averaged)}, got {of!r}")
    return Averaged(of)


def _shares(weights: Sequence[float] | None, count: int) -> list[float]:
    """The weights, scaled to a sum of 1."""
    try:
        given = [1.0] * count if weights is None else [float(each) for each in weights]
    except (TypeError, ValueError):
        raise TypeError(f"weights are numbers, one per model, not {weights!r}") from None
    if len(given) != count or not all(isfinite(each) and each > 0 for each in given):
        raise ModelError(f"weights must be {count} positive numbers, one per model, got {given}")
    return [each / sum(given) for each in given]
