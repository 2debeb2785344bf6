"""What other models say to finished examples, and how far these are to be expected to fool one more."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from presoftmax import numerics
from presoftmax.analysis.prediction import Known, scale_of
from presoftmax.errors import ModelError
from presoftmax.models import Classifier, Model, as_victims, check_same_classes
from presoftmax.printing import Printed
from presoftmax.scores import SCORES, expected_transfer
from presoftmax.strength.copies import COPIES

__all__ = ["SurrogateAnswers", "as_surrogates", "ask_surrogates", "passes_of"]

Look = Callable[[Model, Tensor], Tensor]
"""A model and images uint8 ``(N, 3, H, W)`` to its logits ``(N, M)``."""
Values = npt.NDArray[np.float64]


@dataclass(frozen=True, repr=False)
class SurrogateAnswers(Printed):
    """What is known of N examples from surrogates and from copies.

    Attributes:
        names: of the U surrogates.
        known: what a fitted prediction takes.
        expected: the fixed rule, ``(N,)``; see `presoftmax.scores.expected_transfer`.
    """

    names: tuple[str, ...]
    known: Known
    expected: Values


def as_surrogates(surrogates: Any, source: Classifier, victims: Mapping[str, Model]) -> dict[str, Model]:
    """Surrogates by name, none of them the source or a victim.

    Raises:
        ModelError: a model that is the source, or a victim: what it says would not be a prediction.
    """
    asked = as_victims(surrogates, taken=[source.name, *victims])
    others = {"the source": source, **{f"the victim {name}": victim for name, victim in victims.items()}}
    for name, model in asked.items():
        for what, other in others.items():
            if _same(model, other):
                raise ModelError(f"the surrogate {name} is {what} as well: it stands for models that are not asked")
    return asked


def passes_of(surrogates: Mapping[str, Model]) -> int:
    """How often each image is shown on their account."""
    return 2 * len(surrogates) + len(COPIES) if surrogates else 0


def ask_surrogates(
    surrogates: Mapping[str, Model],
    source: Classifier,
    pixels: Tensor,
    clean: Tensor,
    labels: Tensor,
    logits: tuple[Tensor, Tensor],
    look: Look,
) -> SurrogateAnswers:
    """Show examples to surrogates, and copies of them to the source.

    Args:
        surrogates: by name; at least one.
        source: the model that the examples were made on.
        pixels: the examples, uint8 ``(N, 3, H, W)``.
        clean: their clean images, likewise; they say how large log-odds of each model are.
        labels: true classes ``(N,)``.
        logits: the source's, ``(N, M)``, of the clean images and of the examples.
        look: shows images to a model.

    Raises:
        DataError: no scale can be told from the clean images.
        ModelError: a surrogate has another number of classes.
    """
    scale = scale_of(source.name, _log_odds(logits[0], labels))
    copied = np.stack([_log_odds(look(source, copy(pixels)), labels) for copy in COPIES.values()]).mean(axis=0)
    copied = np.where(np.isfinite(copied), copied, _log_odds(logits[1], labels))
    odds, fooled = [], []
    for name, model in surrogates.items():
        before, after = look(model, clean), look(model, pixels)
        check_same_classes({source.name: logits[0].shape[1], name: after.shape[1]})
        found = _log_odds(after, labels)
        odds.append(found / scale_of(name, _log_odds(before, labels)))
        fooled.append(np.where(np.isfinite(found), (after.argmax(dim=1) != labels).numpy(), np.nan))
    ca1 = [SCORES["ca1"](each).double().numpy() for each in logits]
    ordinary = ca1[0][np.isfinite(ca1[0])]
    away = (pixels.int() - clean.int()).double().square().mean(dim=(1, 2, 3)).sqrt()
    known = Known(
        surrogates=np.stack(odds, axis=1),
        fooled=np.stack(fooled, axis=1),
        copies=copied / scale,
        l2=away.numpy(),
        natural_ca1=(ca1[1] - ordinary.mean()) / max(float(ordinary.std()), 1e-9),
    )
    return SurrogateAnswers(tuple(surrogates), known, expected_transfer(known.surrogates, known.copies))


def _log_odds(logits: Tensor, labels: Tensor) -> Values:
    """Misclassification log-odds ``(N,)``; NaN where some logit is not finite."""
    odds: Values = numerics.misclassification_log_odds(logits, labels).numpy()
    return np.where(logits.isfinite().all(dim=1).numpy(), odds, np.nan)


def _same(one: Model, other: Model) -> bool:
    """Whether two wrappers stand for one model: the same object behind them, or networks with equal weights."""
    if not (isinstance(one, Classifier) and isinstance(other, Classifier)):
        return bool(_answering(one) == _answering(other))
    if one.network is other.network:
        return True
    ours, theirs = list(one.network.parameters()), list(other.network.parameters())
    return bool(ours) and len(ours) == len(theirs) and all(map(_equal, ours, theirs))


def _answering(model: Model) -> Any:
    """What answers behind a wrapper; two bound methods of one object are equal, not the same."""
    return getattr(model, "function", getattr(model, "network", model))


def _equal(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.equal(one.detach().cpu(), other.detach().cpu())
