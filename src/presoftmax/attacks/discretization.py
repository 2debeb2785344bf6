"""The pixel lattice: every recorded image is a valid 8-bit image; the modes differ in what the attack works on."""

from enum import Enum

import torch
from torch import Tensor

__all__ = ["Discretization", "to_floats", "to_pixels"]


class Discretization(Enum):
    """When the image is rounded to 8 bits. What is recorded, and shown to victims, always is.

    * ``every-step`` (the paper): the image is clipped and rounded after each step. Steps below half a grey level are
      lost, and once no pixel moves, none ever will: the trajectory has halted.
    * ``straight-through``: a float image gathers the steps, the model sees its rounded copy. No stall, and the
      example is as strong after being saved as before.
    * ``final``: the model sees the float image, and the rounded one is looked at beside it (one more forward pass of
      the source), so that the cost of rounding shows.
    """

    EVERY_STEP = "every-step"
    STRAIGHT_THROUGH = "straight-through"
    FINAL = "final"

    @property
    def source_sees_pixels(self) -> bool:
        """Whether the source's gradient is taken at the rounded image."""
        return self is not Discretization.FINAL

    @property
    def steps_from_pixels(self) -> bool:
        """Whether a step starts from the rounded image."""
        return self is Discretization.EVERY_STEP


def to_pixels(floats: Tensor) -> Tensor:
    """Nearest 8-bit image, uint8 0 to 255, of a float image in [0, 1]; halves go to the even value."""
    # From float to uint8 there is no vector instruction on the CPU; by way of int16 it takes a quarter of the time.
    return (floats * 255).round_().clamp_(0, 255).to(torch.int16).to(torch.uint8)


def to_floats(pixels: Tensor) -> Tensor:
    """Float image in [0, 1] of an 8-bit image; `to_pixels` gives the same 8-bit image back."""
    return pixels.float().div_(255)
