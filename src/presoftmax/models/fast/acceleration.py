"""The fast variant: which way of running a network is fastest here, found by trying for a moment."""

import gc
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from presoftmax.choices import Precision
from presoftmax.errors import first_line
from presoftmax.models._arguments import exits_raised
from presoftmax.models._ensemble import Ensemble
from presoftmax.models.classifier import Classifier, Model, frozen
from presoftmax.models.devices import is_out_of_memory
from presoftmax.models.fast._fuse import fuse
from presoftmax.models.fast._remembered import key_of, recall, remember
from presoftmax.models.fast._simplify import simplified
from presoftmax.models.fast.host_memory import keep_freed_memory
from presoftmax.models.fast.shared_weights import sharing_copy
from presoftmax.models.variants import PORTABLE, ModelVariant, candidates, tf32

__all__ = [
    "Choice",
    "accelerate",
    "as_portable",
    "as_variant",
    "fastest_variant",
    "usual_variant",
    "worth_accelerating",
]

_LOG = logging.getLogger("presoftmax")

# Largest difference of a logit over the largest logit, and of the gradient over its length. A gradient is far more
# sensitive: a ReLU or a maximum that rounding tips over changes whole regions of it.
_TOLERANCE: Mapping[Precision, tuple[float, float]] = {Precision.EXACT: (1e-4, 0.05), Precision.FAST: (0.1, 1.0)}
# So much faster another variant must be than one that comes before it: noise should not decide between equals.
_WORTH = 0.95
_REPEATS = 2

# Passes from which it pays to simplify a network and check it, and to measure several variants.
_WORTH_PREPARING = 50
_WORTH_MEASURING = 500

_Answer = tuple[Tensor, Tensor | None]


@dataclass(frozen=True)
class Choice:
    """The variant that a model takes, and why.

    Attributes:
        variant: the chosen one.
        milliseconds: per image, of the variants that were measured.
        error: largest difference of any logit from the model as given, over the largest logit.
        refused: variants that could not be taken, and why.
    """

    variant: ModelVariant
    milliseconds: Mapping[str, float] = field(default_factory=dict)
    error: float = 0.0
    refused: Mapping[str, str] = field(default_factory=dict)


def as_variant(model: Classifier, variant: ModelVariant) -> Classifier:
    """A classifier that runs a copy of the same network on a variant; the model itself if it is on it.

    The copy shares the weights that a variant leaves as they are: a network that is trained needs another one.

    Raises:
        Exception: of any kind, where the network cannot be simplified or fused.
    """
    if variant == model.variant:
        return model
    if isinstance(model, Ensemble):
        return model.with_members([as_variant(member, variant) for member in model.members])
    if model.variant.bfloat16:
        raise ValueError("what bfloat16 has rounded off does not come back")
    if model.variant.fused:
        raise ValueError("a fused network cannot be taken apart")
    simplify = variant.simplified and not model.variant.simplified
    network: Any = simplified(model.network) if simplify else sharing_copy(model.network)
    network.to(memory_format=torch.channels_last if variant.channels_last else torch.contiguous_format)
    if variant.bfloat16:
        _round(network, fused=variant.fused)
    if variant.fused:
        fuse(network)
    return model.with_network(network.eval().requires_grad_(False), variant)


def _round(network: nn.Module, *, fused: bool) -> None:
    """To bfloat16; where convolutions take any format, what comes before them (resizing, say) stays as it is."""
    layers = (module for module in network.modules() if isinstance(module, nn.Conv2d | nn.Linear))
    for module in layers if fused else [network]:
        module.bfloat16()


def as_portable(model: Classifier) -> Classifier:
    """The model on the first of the `PORTABLE` variants that agrees with it on a random image of its own size.

    As it is where it has none.
    """
    size = model.preprocessing.size
    if size is None:
        return model
    images = torch.randint(0, 256, (1, 3, size, size), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    return _first_that_agrees(model, images, PORTABLE, gradient=False)


def usual_variant(model: Classifier, images: Tensor, *, gradient: bool) -> Classifier:
    """The model on the first exact variant that agrees with it, without timing; arguments as for `fastest_variant`."""
    with keep_freed_memory():
        return _first_that_agrees(model, images, candidates(Precision.EXACT, model.device), gradient=gradient)


def _first_that_agrees(
    model: Classifier, images: Tensor, variants: Iterable[ModelVariant], *, gradient: bool
) -> Classifier:
    trial = _Trial(model, images, Precision.EXACT, gradient)
    return next((candidate for variant in variants if (candidate := trial.of(variant))), model)


def fastest_variant(
    model: Classifier, images: Tensor, precision: Precision = Precision.EXACT, *, gradient: bool
) -> tuple[Classifier, Choice]:
    """The model on the fastest variant of those that agree with it on real images.

    Each variant is tried a few times on these images; what is chosen, and what could not be, is said in the log
    ``presoftmax``.

    Args:
        model: any classifier.
        images: uint8 ``(N, 3, H, W)``, a batch as it will be run.
        precision: ``"exact"``: logits agree to 1e-4 of the largest; ``"fast"``: to 0.1.
        gradient: whether the gradient in the image will be asked for, or the logits alone.
    """
    trial = _Trial(model, images, precision, gradient)
    variants = candidates(precision, model.device)
    variants += [] if model.variant in variants else [model.variant]
    best: Classifier | None = None
    seconds: dict[ModelVariant, float] = {}
    for variant in variants:
        with keep_freed_memory():  # as while the attack runs
            candidate = trial.of(variant)
            if candidate is not None:
                seconds[variant] = trial.seconds(candidate)
                if best is None or seconds[variant] < _WORTH * seconds[best.variant]:
                    best = candidate
            del candidate
            gc.collect()  # a graph holds on to itself: a copy that was dropped would stay in memory for long
    best = best or model
    milliseconds = {str(variant): round(1000 * each / len(images), 3) for variant, each in seconds.items()}
    _LOG.info("%s runs %s; ms an image: %s", model.name, best.variant, milliseconds)
    return best, Choice(best.variant, milliseconds, trial.errors.get(best.variant, 0.0), trial.refused)


def _fastest_known(model: Classifier, images: Tensor, precision: Precision, *, gradient: bool) -> Classifier:
    """The same, without timing where it was measured before; what is remembered must agree with the model again."""
    key = key_of(model, images, precision, gradient, candidates(precision, model.device))
    known = recall(key)
    if known is not None:
        with keep_freed_memory():
            found = _Trial(model, images, precision, gradient).of(known)
        if found is not None:
            _LOG.info("%s runs %s, as was measured before", model.name, known)
            return found
    found, choice = fastest_variant(model, images, precision, gradient=gradient)
    remember(key, choice.variant)
    return found


def worth_accelerating(passes: int, precision: Precision) -> bool:
    """Whether so many passes are worth preparing a network for."""
    return precision is Precision.FAST or passes >= _WORTH_PREPARING


def accelerate(
    model: Model, images: Tensor, precision: Precision = Precision.EXACT, *, gradient: bool, passes: int
) -> Model:
    """The model on its fastest variant (see `fastest_variant`), or, for a few passes, on the usual one.

    A black box stays as it is, and each member of an ensemble takes its own. Where memory is too small for all images,
    fewer are tried.
    """
    if not isinstance(model, Classifier):
        return model
    if isinstance(model, Ensemble):
        faster = [accelerate(each, images, precision, gradient=gradient, passes=passes) for each in model.members]
        return model.with_members([each for each in faster if isinstance(each, Classifier)])
    try:
        if precision is Precision.FAST or passes >= _WORTH_MEASURING:
            return _fastest_known(model, images, precision, gradient=gradient)
        return usual_variant(model, images, gradient=gradient)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
    if len(images) == 1:
        return model  # the loop will say it
    return accelerate(model, images[: len(images) // 2], precision, gradient=gradient, passes=passes)


class _Trial:
    """Paths of one model compared with it on the same images."""

    def __init__(self, model: Classifier, images: Tensor, precision: Precision, gradient: bool) -> None:
        self._model, self._precision, self._gradient = model, precision, gradient
        self._images = images.to(model.device)
        self.refused: dict[str, str] = {}
        self.errors: dict[ModelVariant, float] = {}
        self._classes: Tensor | None = None
        self._expected = self._answer(model)

    def of(self, variant: ModelVariant) -> Classifier | None:
        """The model on this variant; None where that does not work or does not agree."""
        try:
            with exits_raised():
                candidate = as_variant(self._model, variant)
            if self._expected is None:
                raise ValueError("the model itself gives no answer to compare with")
            self.errors[variant] = self._differs(self._run(candidate), self._expected)
        except Exception as error:
            if is_out_of_memory(error):
                raise
            self.refused[str(variant)] = first_line(error)
            _LOG.info("%s does not run %s: %s", self._model.name, variant, first_line(error))
            return None
        return candidate

    def seconds(self, candidate: Classifier) -> float:
        """The shortest time of a few passes; some have been made before."""
        best = float("inf")
        for _ in range(_REPEATS):
            started = time.perf_counter()
            self._run(candidate)
            if candidate.device.type == "cuda":
                torch.cuda.synchronize(candidate.device)
            best = min(best, time.perf_counter() - started)
        return best

    def _answer(self, model: Classifier) -> _Answer | None:
        try:
            return self._run(model, Precision.EXACT)
        except Exception as error:  # what is wrong with the model is said, better, when it is used
            if is_out_of_memory(error):
                raise
            return None

    def _run(self, model: Classifier, precision: Precision | None = None) -> _Answer:
        """Logits, and the gradient of the sum of the one that the model itself takes for the largest in each image."""
        with frozen(model), tf32((precision or self._precision) is Precision.FAST):
            if not self._gradient:
                with torch.no_grad():
                    return model(self._images), None
            floats = (self._images.float() / 255).requires_grad_(True)
            logits: Tensor = model(floats)
            # The same classes for every variant: which of two equals is largest, rounding decides.
            self._classes = logits.argmax(dim=1, keepdim=True) if self._classes is None else self._classes
            return logits.detach(), torch.autograd.grad(logits.gather(1, self._classes).sum(), floats)[0]

    def _differs(self, got: _Answer, expected: _Answer) -> float:
        """The relative difference of the logits; ValueError where it, or that of the gradient, is too large."""
        most, most_gradient = _TOLERANCE[self._precision]
        error = _relative(got[0], expected[0], lambda values: float(values.abs().max()))
        if not error <= most:
            raise ValueError(f"its logits differ by {error:.1g} of the largest one")
        if got[1] is not None and expected[1] is not None:
            off = _relative(got[1], expected[1], lambda values: float(values.norm()))
            if not off <= most_gradient:
                raise ValueError(f"its gradient differs by {off:.1g} of its length")
        return error


def _relative(got: Tensor, expected: Tensor, size: Callable[[Tensor], float]) -> float:
    return size(got - expected) / max(size(expected), torch.finfo(torch.float32).tiny)
