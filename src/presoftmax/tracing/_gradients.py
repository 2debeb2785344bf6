"""Gradients, whatever mode the caller is in and however the source was made."""

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from presoftmax.errors import ModelError, first_line
from presoftmax.models import Classifier, ask, is_out_of_memory

__all__ = ["check_graph", "check_reaches", "differentiable", "differentiate", "gradients"]

_PROBES = 4
_LOST = (
    "something in it has no derivative (rounding, an argmax, a quantized layer), or cuts the graph (detach, no_grad, "
    "numpy); as a victim it can be used as it is"
)


@contextmanager
def gradients() -> Iterator[None]:
    """Gradients are taken inside, be it within the caller's ``no_grad`` or ``inference_mode``."""
    with torch.inference_mode(False), torch.enable_grad():
        yield


def differentiable(source: Classifier) -> Classifier:
    """The same source; a copy where it was made in inference mode, as such weights take part in no gradient."""
    if any(tensor.is_inference() for tensor in (*source.parameters(), *source.buffers())):
        return source.with_network(copy.deepcopy(source.network), source.variant)
    return source


def differentiate(source: Classifier, value: Tensor, inputs: Sequence[Tensor], again: bool) -> tuple[Tensor, ...]:
    """The gradients of a number in the inputs; zeros in one on which it does not depend.

    Raises:
        ModelError: the backward pass fails; memory that is too small stays what it is.
    """
    try:
        found = torch.autograd.grad(value, inputs, retain_graph=again, allow_unused=True)
    except Exception as error:  # the backward pass of anybody's code
        if is_out_of_memory(error):
            raise
        raise ModelError(
            f"source {source.name} failed in its backward pass: {type(error).__name__}: {first_line(error)}"
        ) from error
    return tuple(
        torch.zeros_like(each) if gradient is None else gradient for each, gradient in zip(inputs, found, strict=True)
    )


def check_reaches(source: Classifier, by_logit: Tensor, by_image: Tensor) -> None:
    """Refuse a source in which no derivative reaches the image: it is 0 in every pixel of these images, and of noise.

    Raises:
        ModelError: it is such a one.
    """
    suspicious = (by_logit != 0).any() & ~(by_image != 0).any()
    if bool(suspicious) and not _has_derivative(source, by_image):
        raise ModelError(f"source {source.name} has a gradient of exactly 0 in every pixel of every image: {_LOST}")


def _has_derivative(source: Classifier, images: Tensor) -> bool:
    """On noise: a single image may well lie where a network is flat."""
    drawn = torch.rand((_PROBES, *images.shape[1:]), generator=torch.Generator().manual_seed(0))
    noise = drawn.to(images).requires_grad_(True)
    logits = ask(source, noise)
    weights = torch.linspace(1, 2, logits.shape[1]).to(logits)
    (found,) = differentiate(source, (logits * weights).sum(), (noise,), again=False)
    return bool((found != 0).any())


def check_graph(source: Classifier, logits: Tensor) -> None:
    """Refuse logits from which no gradient leads anywhere.

    Raises:
        ModelError: they are such ones.
    """
    if not logits.requires_grad:
        raise ModelError(f"source {source.name} has no gradient with respect to the image: {_LOST}")
