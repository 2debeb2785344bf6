"""A model that says of each image whether its logits look natural."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from presoftmax.attacks import Draws, Identity, to_floats, to_pixels
from presoftmax.defense.conformal import FalsePositives, false_positives
from presoftmax.defense.detector import Detector
from presoftmax.models import Classifier, as_model
from presoftmax.printing import Printed

__all__ = ["Guard"]


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
        self.model = as_model(model)
        self.detector, self.fpr = detector, float(fpr)
        limit = torch.tensor(detector.threshold(fpr), dtype=torch.float64, device=detector.calibration.device)
        self.register_buffer("threshold", limit)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Logits ``(N, M)`` of images uint8 or [0, 1] floats ``(N, 3, H, W)``, and which are flagged, bool ``(N,)``.

        An image whose logits are not finite is flagged.
        """
        logits = self.views(images)
        statistic = self.detector.statistic(logits.double()) if _has_doubles(logits) else self._on_the_host(logits)
        finite = logits.isfinite().all(dim=-1).all(dim=0)
        return logits[0], ~finite | ~(statistic <= self.threshold)

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

    def _on_the_host(self, logits: Tensor) -> Tensor:
        """Where a device has no float64."""
        return self.detector.to("cpu").statistic(logits.cpu().double()).to(logits.device)

    def _lines(self) -> Iterator[str]:
        rate = self.false_positives
        yield f"Guard of {self.model.name} by {self.detector.kind}, {len(self.detector.views)} forward passes an image"
        yield (
            f"  flags a share of {self.fpr:g} of natural images, between {rate.low:.2g} and {rate.high:.2g} by chance "
            f"of the {len(self.detector.calibration)} that set the threshold"
        )


# Views of a guard draw nothing: an image is judged alike every time.
_SAME = Draws(0, (), 0)


def _has_doubles(logits: Tensor) -> bool:
    return logits.device.type != "mps"
