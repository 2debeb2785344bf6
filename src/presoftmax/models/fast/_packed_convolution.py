"""Convolutions whose weights are laid out once, as oneDNN's kernels want them, instead of at every call.

Through operators that PyTorch keeps for its own compiler.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from presoftmax.models.fast._activations import Activation

__all__ = ["Geometry", "PackedConvolution"]


# What the operator can do in the same pass as a sum.
_AFTER_A_SUM = ("relu",)


class Geometry(NamedTuple):
    """Of a two-dimensional convolution, as PyTorch's operators take it; pairs are of the height and the width."""

    padding: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1


class PackedConvolution:
    """``activation(convolution(images) + other)`` in one pass over memory; no graph is built.

    Args:
        weight: ``(C', C / groups, h, w)``, on the CPU.
        geometry: the rest of the convolution.
    """

    def __init__(self, weight: Tensor, geometry: Geometry) -> None:
        self.geometry = geometry
        self._weight = weight
        self.dtype, self.shape = weight.dtype, weight.shape

    def __call__(
        self,
        images: Tensor,
        bias: Tensor | None = None,
        other: Tensor | None = None,
        activation: Activation | None = None,
    ) -> Tensor:
        """``(N, C, H, W)`` to ``(N, C', H', W')``, in channels-last memory."""
        if not self._weight.is_mkldnn:
            self._pack(images.shape)
        name, scalars = (activation.name, activation.scalars) if activation else (None, ())
        operator = torch.ops.mkldnn._convolution_pointwise
        result: Tensor
        if other is None:
            result = operator(images, self._weight, bias, *self.geometry, name or "none", scalars, "")
            return result
        known = name in _AFTER_A_SUM
        result = operator.binary(
            images, other, self._weight, bias, *self.geometry, "add", 1.0, name if known else None, scalars, ""
        )
        return result if known or activation is None else activation.in_place(result)

    def plain(self) -> Tensor:
        """The weight as PyTorch lays it out."""
        weight = self._weight.to_dense() if self._weight.is_mkldnn else self._weight
        return weight.contiguous(memory_format=torch.channels_last)

    def _pack(self, images: torch.Size) -> None:
        """For images of a shape; others can be convolved as well, if not always as fast."""
        weight = self._weight.contiguous(memory_format=torch.channels_last)
        self._weight = torch.ops.mkldnn._reorder_convolution_weight(weight, *self.geometry, images)
