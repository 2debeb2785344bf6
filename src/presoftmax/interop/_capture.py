"""What an attack showed a model, pass by pass, kept on the host: 8-bit images, logits, whose they are."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from presoftmax.attacks import to_pixels

__all__ = ["Captured", "Matcher", "capture"]

_POINTS = 4096


@dataclass(frozen=True)
class Captured:
    """One forward pass.

    Attributes:
        examples: int64 ``(B,)``, which example each row is.
        pixels: uint8 ``(B, 3, H, W)``, nearest 8-bit images of what was shown.
        off_lattice: ``(B,)``, largest distance of a shown value from its 8-bit one, in grey levels.
        lowest: smallest shown value.
        highest: largest shown value.
        logits: ``(B, M)``.
        with_gradient: whether the image took a gradient.
    """

    examples: Tensor
    pixels: Tensor
    off_lattice: Tensor
    lowest: float
    highest: float
    logits: Tensor
    with_gradient: bool


class Matcher:
    """Finds out which example a shown image is: the clean image that it is nearest to.

    A batch of as many rows as there are examples (or several copies of it: expectation over transformations,
    scale-invariant attacks) is in their order, unless the nearest clean images are a rearrangement of it: images that
    an attack has darkened or cropped may all be nearest to the same one. Distances are taken over a few thousand
    fixed pixel values.

    Args:
        clean: uint8 ``(N, 3, H, W)``.
    """

    def __init__(self, clean: Tensor) -> None:
        size = clean[0].numel()
        generator = torch.Generator().manual_seed(0)
        self._points = torch.randperm(size, generator=generator)[:_POINTS]
        self._clean = clean.flatten(1)[:, self._points].float()

    def match(self, pixels: Tensor) -> Tensor:
        """Positions int64 ``(B,)`` of the examples of shown images uint8 ``(B, 3, H, W)``."""
        count = len(self._clean)
        distance = torch.cdist(pixels.flatten(1)[:, self._points].float(), self._clean)
        nearest = distance.argmin(dim=1)
        if len(pixels) % count:
            return nearest
        ordered = torch.arange(count).repeat(len(pixels) // count)
        rearranged = torch.equal(nearest.sort().values, ordered.sort().values)
        # Far from all of them, a rearrangement is an accident.
        total = distance.gather(1, ordered[:, None]).sum(), distance.gather(1, nearest[:, None]).sum()
        return nearest if rearranged and bool(total[0] > 2 * total[1]) else ordered


def capture(shown: Tensor, logits: Tensor, matcher: Matcher, mean: Sequence[float], std: Sequence[float]) -> Captured:
    """Keep a forward pass; ``shown`` is what the network got, normalized with mean and std (or [0, 1], or bytes)."""
    with_gradient = shown.requires_grad
    with torch.no_grad():
        values = shown.detach()
        if values.dtype == torch.uint8:
            pixels = values.cpu().clone()
            off = torch.zeros(len(pixels))
            lowest, highest = 0.0, 1.0
        else:
            if any(mean) or any(each != 1 for each in std):
                scale, shift = (torch.tensor(v, device=values.device).view(1, -1, 1, 1) for v in (std, mean))
                values = values * scale + shift
            rounded = to_pixels(values)
            off = (values * 255 - rounded).abs().amax(dim=(1, 2, 3)).float().cpu()
            lowest, highest = (float(each) for each in values.aminmax())
            pixels = rounded.cpu()
        answer = logits.detach().float().cpu().clone()
    return Captured(matcher.match(pixels), pixels, off, lowest, highest, answer, with_gradient)
