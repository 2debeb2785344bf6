"""One form for every model: 8-bit images in, float32 logits out."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from presoftmax.data import Preprocessing, resized
from presoftmax.errors import ModelError
from presoftmax.models._arguments import check_pixels, class_names, exits_raised, per_channel, told
from presoftmax.models.logits import logits_in
from presoftmax.models.names import own_name
from presoftmax.models.variants import AS_GIVEN, ModelVariant
from presoftmax.printing import Printed, brief
from presoftmax.text import storable

__all__ = ["BlackBox", "Classifier", "Model", "frozen"]


@runtime_checkable
class Model(Protocol):
    """What the loop asks of a model that is only looked at: a victim, or a source before the attack."""

    name: str
    classes: tuple[str, ...] | None

    @property
    def device(self) -> torch.device:
        """Where it wants its images."""
        ...

    def __call__(self, images: Tensor) -> Tensor:
        """Logits float32 ``(N, M)`` of images uint8 ``(N, 3, H, W)``, on the device of the model."""
        ...


class Classifier(Printed, nn.Module):
    """A network with its normalization and input size inside.

    Takes images ``(N, 3, H, W)`` as uint8 (0 to 255) or float (0 to 1) and returns float32 logits ``(N, M)``.
    Images of another size than the network's are resized inside (bicubic, antialiased), differentiably.

    The network is neither copied nor changed; `frozen` puts it in evaluation mode while it is in use.
    """

    mean: Tensor
    std: Tensor
    _scale: Tensor
    _shift: Tensor

    def _lines(self) -> Iterator[str]:
        size = "any size" if self.preprocessing.size is None else f"size {self.preprocessing.size}"
        classes = "" if self.classes is None else f", {len(self.classes)} named classes"
        what = f"{type(self.network).__name__}, {size}{classes}"
        yield f"{type(self).__name__} {brief(self.name)}: {what}, run {self.variant} on {self.device}"

    def __init__(
        self,
        network: nn.Module,
        *,
        name: str | None = None,
        mean: float | Sequence[float] | Tensor = (0.0, 0.0, 0.0),
        std: float | Sequence[float] | Tensor = (1.0, 1.0, 1.0),
        preprocessing: Preprocessing | None = None,
        classes: Sequence[str] | None = None,
    ) -> None:
        """Wrap a network.

        Args:
            network: takes normalized float images ``(N, 3, S, S)`` and returns logits ``(N, M)``.
            name: how tables and figures call it; what the network knows of itself when left out (see
                `presoftmax.models.names`).
            mean: per channel, in [0, 1] units (one number stands for all three); the network gets
                ``(image - mean) / std``. With the defaults it gets [0, 1] images and normalizes them itself, if at all.
            std: likewise. It also sets the scale on which an attack's step size acts (see `presoftmax.attacks`).
            preprocessing: input size, and how photos are brought to it; any size is taken when left out.
            classes: names of the M classes.

        Raises:
            TypeError: not an ``nn.Module``, or another argument of the wrong kind.
            ModelError: a mean or std that is not of three channels, or a std that is not positive.
        """
        super().__init__()
        if not isinstance(network, nn.Module):
            raise TypeError(f"a Classifier wraps an nn.Module, not {told(network)}")
        if not isinstance(preprocessing, Preprocessing | None):
            raise TypeError(f"preprocessing is a Preprocessing, such as Preprocessing(224), not {told(preprocessing)}")
        mean, std = per_channel("mean", mean), per_channel("std", std)
        if min(std) <= 0:
            raise ModelError(f"std must be positive, got {std}")
        self.network = network
        self.variant = AS_GIVEN
        self.name = storable(name or own_name(network))
        self.preprocessing = preprocessing or Preprocessing(size=None)
        self.classes = class_names(classes)
        device = _device_of(network)
        self.register_buffer("mean", torch.tensor(mean, device=device).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std, device=device).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("_scale", 1 / self.std, persistent=False)
        self.register_buffer("_shift", -self.mean / self.std, persistent=False)
        self._normalizes = any(mean) or any(each != 1 for each in std)

    def with_network(self, network: nn.Module, variant: ModelVariant) -> "Classifier":
        """The same classifier around a network that computes the same function on another variant."""
        other = Classifier(
            network,
            name=self.name,
            mean=self.mean.flatten().tolist(),
            std=self.std.flatten().tolist(),
            preprocessing=self.preprocessing,
            classes=self.classes,
        )
        other.variant = variant
        return other

    def named(self, name: str) -> "Classifier":
        """The same classifier, around the same network, under another name."""
        other = self.with_network(self.network, self.variant)
        other.name = storable(name)
        return other

    @property
    def device(self) -> torch.device:
        """Where the network is, and where its images have to be."""
        return self.mean.device

    def forward(self, images: Tensor) -> Tensor:
        """Logits float32 ``(N, M)`` of images uint8 (0 to 255) or float (0 to 1) ``(N, 3, H, W)``."""
        check_pixels(images)
        pixels = images.to(self.device)
        pixels = pixels.float() / 255 if pixels.dtype == torch.uint8 else pixels
        size = self.preprocessing.size
        pixels = pixels if size is None else resized(pixels, (size, size))
        normalized = self._normalized(pixels)
        # Fused layers bring what they are given to their own number format.
        weight = normalized if self.variant.fused else next(self.network.parameters(), normalized)
        with exits_raised():
            logits: Tensor = logits_in(self.network(normalized.to(weight.dtype)))
        if not isinstance(logits, Tensor):
            raise TypeError(f"it returned {type(logits).__name__}, in which there are no logits")
        return logits.float() if logits.dtype in (torch.float16, torch.bfloat16) else logits

    def _normalized(self, pixels: Tensor) -> Tensor:
        """``(pixels - mean) / std``; on a simplified variant in one multiplication and addition.

        To fold it into the first convolution would be inexact: its zero padding is the mean, not black.
        """
        if self.variant.simplified:
            return torch.addcmul(self._shift, pixels, self._scale) if self._normalizes else pixels
        return (pixels - self.mean) / self.std


class BlackBox(Printed):
    """A victim of which only the answers are known: any callable from 8-bit images to logits.

    Args:
        function: takes uint8 ``(N, 3, H, W)`` on the CPU, returns logits ``(N, M)`` as a tensor or an array.
        name: how tables and figures call it; the name of the function when left out.
        classes: names of the M classes.
    """

    def _lines(self) -> Iterator[str]:
        classes = "" if self.classes is None else f", {len(self.classes)} named classes"
        yield f"BlackBox {brief(self.name)}: {type(self.function).__name__}{classes}"

    def __init__(
        self,
        function: Callable[[Tensor], Any],
        *,
        name: str | None = None,
        classes: Sequence[str] | None = None,
    ) -> None:
        if not callable(function) or isinstance(function, type):
            raise TypeError(f"a BlackBox wraps a callable from images to logits, not {told(function)}")
        self.function = function
        self.name = storable(name or own_name(function))
        self.classes = class_names(classes)

    @property
    def device(self) -> torch.device:
        """The host's memory: a black box gets its images there."""
        return torch.device("cpu")

    def __call__(self, images: Tensor) -> Tensor:
        """Logits float32 ``(N, M)``, on the device of the images."""
        with torch.no_grad(), exits_raised():
            answer = logits_in(self.function(images.cpu()))
        answer = answer if isinstance(answer, Tensor) else np.asarray(answer)
        return torch.as_tensor(answer, dtype=torch.float32, device=images.device)


@contextmanager
def frozen(*models: Model) -> Iterator[None]:
    """Put networks in evaluation mode, their parameters without gradient, and restore both at the end."""
    with ExitStack() as restore:
        for model in models:
            if isinstance(model, nn.Module):
                for module in model.modules():
                    restore.callback(setattr, module, "training", module.training)
                for parameter in model.parameters():
                    restore.callback(_require_gradient, parameter, parameter.requires_grad)
                model.eval().requires_grad_(False)
        yield


def _require_gradient(parameter: nn.Parameter, wanted: bool) -> None:
    # A weight that was made in inference mode can only be changed there.
    with torch.inference_mode(parameter.is_inference()):
        parameter.requires_grad_(wanted)


def _device_of(network: nn.Module) -> torch.device:
    for tensor in (*network.parameters(), *network.buffers()):
        return tensor.device
    return torch.device("cpu")
