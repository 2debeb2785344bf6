"""A convolution with the sum and the activation after it as one module, for evaluation on the CPU."""

from typing import Any

import torch
from torch import Tensor, nn

from presoftmax.models.fast._activations import Activation
from presoftmax.models.fast._input_gradients import InputGradient, input_gradient
from presoftmax.models.fast._packed_convolution import Geometry, PackedConvolution

__all__ = ["FusedConvolution"]


class FusedConvolution(nn.Module):
    """``activation(convolution(images) + other)``; gradients go to the images alone, weights stay as they are.

    Args:
        convolution: with zero padding given as numbers.
        activation: what comes after it, if anything.

    Attributes:
        owns_gradient: whether nobody else has the gradient that comes to it, so that it may be written over.
    """

    def __init__(self, convolution: nn.Conv2d, activation: Activation | None = None) -> None:
        super().__init__()
        weight, bias = convolution.weight.detach(), convolution.bias
        self.bias = nn.Parameter(weight.new_zeros(len(weight)) if bias is None else bias.detach(), requires_grad=False)
        self.activation = activation
        self.owns_gradient = False
        padding, stride, dilation = convolution.padding, convolution.stride, convolution.dilation
        geometry = Geometry(_pair(padding), _pair(stride), _pair(dilation), convolution.groups)
        self._convolution = PackedConvolution(weight, geometry)
        self._input_gradient: InputGradient | None = None

    def forward(self, images: Tensor, other: Tensor | None = None) -> Tensor:
        """``(N, C, H, W)`` of any number format to ``(N, C', H', W')`` of the weights'."""
        images = images.to(self.bias.dtype)
        if torch.is_grad_enabled() and (images.requires_grad or (other is not None and other.requires_grad)):
            result: Tensor = _Fused.apply(images, other, self)
            return result
        return self.compute(images, other)

    def compute(self, images: Tensor, other: Tensor | None) -> Tensor:
        """`forward` without a graph."""
        return self._convolution(images, self.bias, other, self.activation)

    def gradient(self, gradient: Tensor, shape: torch.Size) -> Tensor:
        """In images of this shape, from that of what the convolution and the sum give."""
        self._input_gradient = self._input_gradient or input_gradient(self._convolution)
        return self._input_gradient(gradient, shape)


class _Fused(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, images: Tensor, other: Tensor | None, fused: FusedConvolution) -> Tensor:
        output = fused.compute(images, other)
        ctx.fused, ctx.shape, ctx.has_other = fused, images.shape, other is not None
        if fused.activation is not None:
            ctx.save_for_backward(output)
        return output

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        (gradient,), activation = gradients, ctx.fused.activation
        if activation is not None:
            gradient = activation.gradient(gradient, *ctx.saved_tensors, ctx.fused.owns_gradient)
        before = ctx.fused.gradient(gradient, ctx.shape) if ctx.needs_input_grad[0] else None
        return before, gradient if ctx.has_other else None, None


def _pair(values: Any) -> tuple[int, int]:
    height, width = values
    return int(height), int(width)
