"""What a model answers is checked once, before anything is built on it."""

import torch
from torch import Tensor

from presoftmax.errors import ModelError, first_line, warn
from presoftmax.models._arguments import takes_gray
from presoftmax.models._doubts import doubt
from presoftmax.models.classifier import Classifier, Model
from presoftmax.models.devices import is_out_of_memory

__all__ = ["ask", "check_logits", "check_same_classes", "checked_logits"]


def ask(model: Model, images: Tensor) -> Tensor:
    """The model's answer to a batch; what goes wrong inside it becomes a `ModelError` that names it.

    Only memory that is too small stays what it is: a smaller batch may help.
    """
    try:
        return model(images)
    except Exception as error:  # a model is anybody's code and raises what it likes
        # An ensemble's member is named already.
        if is_out_of_memory(error) or isinstance(error, ModelError):
            raise
        why = f"{type(error).__name__}: {first_line(error)}{_hint(model, images)}"
        raise ModelError(f"model {model.name} failed on images {tuple(images.shape)}: {why}") from error


def check_logits(model: Model, logits: Tensor, count: int) -> None:
    """Refuse an answer to clean images that cannot be logits; warn of one that hardly is.

    Rows that are not finite are let through as long as some row is: the caller counts them out.

    Args:
        model: whose answer it is.
        logits: the answer, expected float ``(N, M)``.
        count: N, the number of images shown.

    Raises:
        ModelError: another shape, only NaN or infinity, probabilities, log-probabilities, or class names of another
            number.
    """
    if not isinstance(logits, Tensor) or logits.ndim != 2 or len(logits) != count or not logits.shape[1]:
        got = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise ModelError(f"model {model.name} returned {got} for {count} images; expected logits (N, M)")
    finite = logits[logits.isfinite().all(dim=1)]
    if len(finite) == 0:
        raise ModelError(f"model {model.name} returned NaN or infinity for all of {count} images")
    _refuse_probabilities(model.name, finite)
    if model.classes is not None and len(model.classes) != logits.shape[1]:
        raise ModelError(f"model {model.name} has {len(model.classes)} class names but {logits.shape[1]} logits")
    doubted = doubt(finite)
    if doubted is not None:
        warn(f"model {model.name} {doubted}; scores before the softmax mean little on it")


def checked_logits(model: Model, images: Tensor) -> Tensor:
    """Logits ``(N, M)`` of clean images, without gradient, once they are seen to be logits; raises `ModelError`."""
    with torch.no_grad():
        logits = ask(model, images)
    check_logits(model, logits, len(images))
    return logits


def check_same_classes(widths: dict[str, int]) -> None:
    """Raise `ModelError` unless all models (name to number of logits) have the same number of classes."""
    if len(set(widths.values())) > 1:
        listed = ", ".join(f"{name} {width}" for name, width in widths.items())
        raise ModelError(f"the models have different numbers of classes: {listed}")


def _hint(model: Model, images: Tensor) -> str:
    if isinstance(model, Classifier) and images.ndim == 4 and takes_gray(model.network, *images.shape[2:]):
        return (
            "; it takes gray images of one channel, and images here have three: "
            "torch.nn.Sequential(torchvision.transforms.Grayscale(), network)"
        )
    return ""


def _refuse_probabilities(name: str, logits: Tensor) -> None:
    """Logits are not confined to a simplex; what is, has been through a softmax."""
    if logits.shape[1] < 2:
        return
    if bool((logits >= 0).all()) and torch.allclose(logits.sum(1), torch.ones(()).to(logits), atol=1e-3):
        raise ModelError(
            f"model {name} returns probabilities, not logits: what stands before the softmax is gone; "
            "take the softmax off the model"
        )
    if bool((logits <= 0).all()) and torch.allclose(logits.exp().sum(1), torch.ones(()).to(logits), atol=1e-3):
        raise ModelError(f"model {name} returns log-probabilities, not logits: take the log-softmax off the model")
