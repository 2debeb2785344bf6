"""What copies leave of the margin, given the margin."""

import torch
from torch import Tensor

from presoftmax.attacks import Identity
from presoftmax.defense._logits import both_tails, margins
from presoftmax.defense.detector import Detector
from presoftmax.defense.views import Flip, MedianFilter, Shift

__all__ = ["MarginLeft"]

_LEAST_SPREAD = 1e-3


class MarginLeft(Detector):
    """The mean margin under copies, against natural images of the same margin; rare at either end, in nats.

    Copies: the mirrored image, shifts by a pixel, a median of 2 by 2 pixels. Of natural images it is a line in the
    margin, and so is its spread; what is judged is the distance from the line over the spread.
    """

    kind = "margin-left"
    views = (Identity(), Flip(), Shift(1, 0), Shift(-1, 0), Shift(0, 1), Shift(0, -1), MedianFilter(2))
    line: Tensor
    spread: Tensor
    natural: Tensor

    def learn(self, logits: Tensor) -> None:
        """The two lines, each offset and slope, and the natural distances."""
        margin, left = _margin_and_left(logits)
        design = torch.stack((torch.ones_like(margin), margin), dim=1)
        line = torch.linalg.lstsq(design, left[:, None]).solution[:, 0]
        off = (left - design @ line).abs()
        self.keep("line", line)
        self.keep("spread", torch.cat((torch.linalg.lstsq(design, off[:, None]).solution[:, 0], off.mean()[None] / 4)))
        self.keep("natural", self._distance(logits).sort().values)

    def statistic(self, logits: Tensor) -> Tensor:
        """How rare the distance is at the end at which it is rarer."""
        return both_tails(self.natural, self._distance(logits))

    def _distance(self, logits: Tensor) -> Tensor:
        margin, left = _margin_and_left(logits)
        spread = torch.maximum(self.spread[0] + self.spread[1] * margin, self.spread[2]).clamp_min(_LEAST_SPREAD)
        return (left - self.line[0] - self.line[1] * margin) / spread


def _margin_and_left(logits: Tensor) -> tuple[Tensor, Tensor]:
    margin = margins(logits)
    return margin[0], margin[1:].mean(dim=0)
