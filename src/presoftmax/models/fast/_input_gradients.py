"""The gradient of a convolution in its input alone, by the fastest of three ways.

PyTorch's own way lays the weights out anew at every call, and computes as many channels as a vector register holds,
also for an image's three.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from presoftmax.models.fast._packed_convolution import Geometry, PackedConvolution

__all__ = ["input_gradient"]

InputGradient = Callable[[Tensor, torch.Size], Tensor]
"""From the gradient of the output, in an input of this shape."""

# As many as an image has; a register holds 16.
_FEW = 4


def input_gradient(convolution: PackedConvolution) -> InputGradient:
    """Of this convolution."""
    each, few = convolution.geometry, convolution.shape[1] * convolution.geometry.groups <= _FEW
    if each.stride == (1, 1) and min(_flipped_padding(convolution)) >= 0 and not few:
        return _flipped(convolution)
    if each.stride[0] == each.stride[1] > 1 and each.dilation == (1, 1) and each.groups == 1 and few:
        return _by_phases(convolution)
    return _as_pytorch_does(convolution)


def _flipped(convolution: PackedConvolution) -> InputGradient:
    """Without a stride, the gradient is a convolution with the kernel turned around, inputs and outputs exchanged."""
    groups, (outputs, inputs, *kernel) = convolution.geometry.groups, convolution.shape
    grouped = convolution.plain().flip(2, 3).reshape(groups, outputs // groups, inputs, *kernel)
    weight = grouped.transpose(1, 2).reshape(groups * inputs, outputs // groups, *kernel)
    geometry = Geometry(_flipped_padding(convolution), dilation=convolution.geometry.dilation, groups=groups)
    turned = PackedConvolution(weight, geometry)
    return lambda gradient, shape: turned(gradient)


def _flipped_padding(convolution: PackedConvolution) -> tuple[int, int]:
    (height, width), (tall, wide) = convolution.shape[-2:], convolution.geometry.dilation
    top, left = convolution.geometry.padding
    return tall * (height - 1) - top, wide * (width - 1) - left


def _by_phases(convolution: PackedConvolution) -> InputGradient:
    """With a stride of s, pixels of one phase (s by s of them) see every s-th row and column of the kernel.

    So all phases are one convolution without a stride, to s * s times the channels.
    """
    stride, (outputs, inputs, height, width) = convolution.geometry.stride[0], convolution.shape
    rows, columns = -(-height // stride), -(-width // stride)
    weight = F.pad(convolution.plain(), (0, columns * stride - width, 0, rows * stride - height))
    parts = weight.reshape(outputs, inputs, rows, stride, columns, stride).flip(2, 4).permute(1, 3, 5, 0, 2, 4)
    phases = PackedConvolution(
        parts.reshape(inputs * stride**2, outputs, rows, columns), Geometry((rows - 1, columns - 1))
    )
    top, left = convolution.geometry.padding

    def gradient_in(gradient: Tensor, shape: torch.Size) -> Tensor:
        found = phases(gradient)
        count, _, high, wide = found.shape
        # As `pixel_shuffle`, which takes twice as long in this layout and does not give that of images.
        apart = found.view(count, inputs, stride, stride, high, wide).permute(0, 1, 4, 2, 5, 3)
        padded = apart.reshape(count, inputs, high * stride, wide * stride)
        below, right = top + shape[-2] - padded.shape[-2], left + shape[-1] - padded.shape[-1]
        return F.pad(padded, (-left, right, -top, below))  # negative: cut off; positive: pixels that no kernel saw

    return gradient_in


def _as_pytorch_does(convolution: PackedConvolution) -> InputGradient:
    each = convolution.geometry
    # In bfloat16, oneDNN's kernel for channels by themselves takes a dozen times as long.
    dtype = torch.float32 if each.groups > 1 else convolution.dtype
    weight = convolution.plain().to(dtype)

    def gradient_in(gradient: Tensor, shape: torch.Size) -> Tensor:
        images = torch.empty(shape, dtype=dtype, memory_format=torch.channels_last)  # only its shape matters
        found: Tensor = torch.ops.aten.convolution_backward(
            gradient.to(dtype), images, weight, None, each.stride, each.padding, each.dilation, False, [0, 0],
            each.groups, [True, False, False],
        )[0]  # fmt: skip
        return found.to(gradient.dtype)

    return gradient_in
