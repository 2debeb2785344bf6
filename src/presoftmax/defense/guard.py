"""A model that says of each image whether its logits look natural."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from presoftmax.attacks import Draws, Identity, to_floats, to_pixels
from presoftmax.defense.conformal import FalsePositives, false_positives
from presoftmax.defense.detector import Detector
from presoftmax.errors import DataError
from presoftmax.models import Classifier, as_model
from presoftmax.printing import Printed

__all__ = ["Guard"]

_CHANNELS = 3
_SLACK = 1e-3


class Guard(Printed, nn.Module):
    """A model with its alarm: answers with ``(logits, flagged)``.

    It costs a forward pass of the model for each view of its detector (`Detector.views`): one for detectors of logits
    only, which can also be exported (``torch.export``, ONNX).

    An alarm, not security: an attacker who knows the detector can pass it, at the price that
    ``presoftmax guard evaluate`` measures.

    Args:
        model: a `Classifier`, an ``nn.Module`` of [0, 1] images, a callable from uint8 images, or a name.
        detector: fitted on natural images of this model.
        fpr: share of natural images that may be flagged.
    """

    threshold: Tensor

    def __init__(self, model: Any, detector: Detector, fpr: float = 0.01) -> None:
        super().__init__()
        if not isinstance(detector, Detector):
            raise TypeError(f"a Guard takes a fitted Detector, not {type(detector).__name__}")
        self.model, self.fpr = as_model(model), float(fpr)
        device = self.model.device
        # MPS has no float64: there the detector stays on the host.
        self.detector = deepcopy(detector).to("cpu" if device.type == "mps" else device)
        limit = torch.tensor(detector.threshold(fpr), dtype=torch.float64)
        self.register_buffer("threshold", limit.to(self.detector.calibration.device))
        self.train(False)

    def train(self, mode: bool = True) -> "Guard":
        """The network stays in evaluation mode: its detector was fitted to it there."""
        super().train(mode)
        if isinstance(self.model, nn.Module):
            self.model.eval()
        return self

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Logits ``(N, M)`` of images uint8 or [0, 1] floats ``(N, 3, H, W)``, and which are flagged, bool ``(N,)``.

        An image whose logits are not finite is flagged. Floats are judged as they are: round them to 8 bits for the
        very numbers that `Detector.p_value` gives.
        """
        if not (torch.onnx.is_in_onnx_export() or torch.compiler.is_compiling()):
            _check(images)
        logits = self.views(images)
        seen = logits.to(self.threshold.device).double()
        finite = seen.isfinite().all(dim=-1).all(dim=0)
        calm = self.detector.statistic(seen) <= self.threshold
        return logits[0], ~(finite & calm).to(logits.device)

    def views(self, images: Tensor) -> Tensor:
        """Logits ``(V, N, M)`` of every view that the detector asks for."""
        several = self.detector.views
        if len(several) == 1:
            return self._answers(images)[None]
        floats = to_floats(images) if images.dtype == torch.uint8 else images
        return torch.stack([self._answers(images if isinstance(v, Identity) else v(floats, _SAME)) for v in several])

    @property
    def false_positives(self) -> FalsePositives:
        """What the false-positive rate may really be, given how few natural images set the threshold."""
        return false_positives(len(self.detector.calibration), self.fpr)

    def _answers(self, images: Tensor) -> Tensor:
        rounds = not isinstance(self.model, Classifier) and images.dtype != torch.uint8
        return self.model(to_pixels(images) if rounds else images)

    def _lines(self) -> Iterator[str]:
        rate = self.false_positives
        yield f"Guard of {self.model.name} by {self.detector.kind}, {len(self.detector.views)} forward passes an image"
        yield (
            f"  flags a share of {self.fpr:g} of natural images, between {rate.low:.2g} and {rate.high:.2g} by chance "
            f"of the {len(self.detector.calibration)} that set the threshold"
        )


# Views of a guard draw nothing: an image is judged alike every time.
_SAME = Draws(0, (), 0)


def _check(images: Tensor) -> None:
    if images.ndim != 4 or images.shape[1] != _CHANNELS:
        raise DataError(f"a guard takes images (N, 3, H, W), got {tuple(images.shape)}")
    if images.is_floating_point() and not bool(((images >= -_SLACK) & (images <= 1 + _SLACK)).all()):
        raise DataError("floats are taken to be in [0, 1]; these are not: divide them by 255, or give uint8")
