"""Convolutions that pad by themselves, in place of those that pad in a pass over memory of its own.

TensorFlow's "same" padding, which ports of its networks keep in a module ``static_padding`` inside each convolution.
"""

import torch.nn.functional as F
from torch import nn

__all__ = ["pad_inside"]


def pad_inside(network: nn.Module) -> None:
    """Replace such convolutions in a network by torch's own that give the same."""
    for parent in list(network.modules()):
        for name, module in list(parent.named_children()):
            if isinstance(module, nn.Conv2d) and (plain := _padding_itself(module)) is not None:
                parent.register_module(name, plain)


def _padding_itself(convolution: nn.Conv2d) -> nn.Conv2d | None:
    """The same convolution with its padding inside; None where it has none, or it would not be faster."""
    padding = getattr(convolution, "static_padding", None)
    if type(padding).__name__ == "Identity":  # torch's, or the port's own
        return _plain(convolution, (int(convolution.padding[0]), int(convolution.padding[1])), grow=0)
    if not isinstance(padding, nn.ZeroPad2d) or any(convolution.padding):
        return None
    left, right, top, bottom = padding.padding
    if left == right and top == bottom:
        return _plain(convolution, (top, left), grow=0)
    # One more at the end than at the beginning: the kernel gets a first row and column of zeros, which cost less than
    # the pass, if each channel is convolved by itself, or there are only those of an image.
    few = convolution.groups == convolution.in_channels or convolution.in_channels <= 4
    even = (left, top) == (right - 1, bottom - 1) and set(convolution.dilation) == {1}
    return _plain(convolution, (bottom, right), grow=1) if few and even else None


def _plain(convolution: nn.Conv2d, padding: tuple[int, int], grow: int) -> nn.Conv2d:
    height, width = convolution.kernel_size
    stride, dilation = ((int(pair[0]), int(pair[1])) for pair in (convolution.stride, convolution.dilation))
    plain = nn.Conv2d(
        convolution.in_channels, convolution.out_channels, (height + grow, width + grow), stride, padding, dilation,
        convolution.groups, convolution.bias is not None,
    )  # fmt: skip
    weights = convolution.state_dict()
    weights["weight"] = F.pad(weights["weight"], (grow, 0, grow, 0))
    plain.load_state_dict(weights)
    return plain.to(convolution.weight.device, convolution.weight.dtype).eval().requires_grad_(False)
