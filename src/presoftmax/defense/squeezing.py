"""How much the answer changes when the image is squeezed."""

import torch
from torch import Tensor

from presoftmax.attacks import Identity
from presoftmax.defense._logits import margins
from presoftmax.defense.detector import Detector
from presoftmax.defense.views import BitDepth, MedianFilter

__all__ = ["FeatureSqueezing", "LogOddsSqueezing"]

_VIEWS = (Identity(), BitDepth(5), MedianFilter(2))


class FeatureSqueezing(Detector):
    """Feature squeezing (Xu, Evans and Qi 2018, arXiv:1704.01155): on the softmax, as published.

    ``max_v ||softmax(z) - softmax(z_v)||_1`` over five bits of color and a median of 2 by 2 pixels, from 0 to 2. (Their
    third squeezer, non-local means, is left out.)
    """

    kind = "feature-squeezing"
    views = _VIEWS

    def statistic(self, logits: Tensor) -> Tensor:
        """The largest L1 distance."""
        probabilities = torch.softmax(logits, dim=2)
        return (probabilities[1:] - probabilities[0]).abs().sum(dim=2).amax(dim=0)


class LogOddsSqueezing(Detector):
    """The same squeezers before the softmax: the largest loss of the predicted class's margin, in logits."""

    kind = "log-odds-squeezing"
    views = _VIEWS

    def statistic(self, logits: Tensor) -> Tensor:
        """``max_v (margin - margin_v)``."""
        margin = margins(logits)
        return (margin[0] - margin[1:]).amax(dim=0)
