"""The units in which an update sees gradients and makes steps."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from presoftmax.lazy import deferred

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = deferred("torch")

__all__ = ["Space"]

# Black and white would be infinite, and never move: they start an eighth of a grey level inside, which rounds back to
# them. (Carlini and Wagner's code scales by 0.999999 for the same reason.)
_INSIDE = 1 - 2 * 0.125 / 255


class Space(StrEnum):
    """What the attack moves, of which the image is a function.

    * ``normalized``: the source's input after mean and std, as in the paper. A step there is ``std`` times as long in
      [0, 1] pixels, and the gradient ``std`` times as large, so a plain gradient step of size a is one of size
      ``a * std ** 2`` (per channel) in pixels.
    * ``pixel``: [0, 1] pixels.
    * ``tanh``: a variable w of any size with pixels ``(tanh(w) + 1) / 2``, which need no clipping (Carlini and Wagner
      2017, arXiv:1608.04644).
    """

    NORMALIZED = "normalized"
    PIXEL = "pixel"
    TANH = "tanh"

    @property
    def is_unbounded(self) -> bool:
        """Whether every value of the variable is an image, so that it is never clipped."""
        return self is Space.TANH

    def variable(self, images: Tensor) -> Tensor:
        """What is kept of float images ``(N, C, H, W)`` in [0, 1], to add moves to."""
        return torch.atanh((2 * images - 1).clamp(-_INSIDE, _INSIDE)) if self is Space.TANH else images

    def images(self, variable: Tensor) -> Tensor:
        """The float images of it; for ``normalized`` and ``pixel`` not yet clipped."""
        return (torch.tanh(variable) + 1) / 2 if self is Space.TANH else variable

    def gradient(self, gradient: Tensor, variable: Tensor, std: Tensor) -> Tensor:
        """A gradient with respect to [0, 1] pixels as the update sees it; ``std`` is the source's, ``(1, C, 1, 1)``."""
        if self is Space.TANH:
            return gradient * (1 - torch.tanh(variable).square()) / 2
        return gradient * std if self is Space.NORMALIZED else gradient

    def moved(self, variable: Tensor, step: Tensor, std: Tensor) -> Tensor:
        """The variable after an update's step."""
        return torch.addcmul(variable, step, std) if self is Space.NORMALIZED else variable + step
