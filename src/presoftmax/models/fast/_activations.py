"""Activations whose gradient can be told from what comes out, so that they may be written over what goes in."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Activation", "activation_of"]


@dataclass(frozen=True)
class Activation:
    """An activation in place.

    Attributes:
        in_place: writes over its argument, and returns it.
        gradient: of the argument, from the gradient of the output and the output; written over the former if asked to.
        name: oneDNN's.
        scalars: its parameters there.
    """

    in_place: Callable[[Tensor], Tensor]
    gradient: Callable[[Tensor, Tensor, bool], Tensor]
    name: str
    scalars: tuple[float, ...] = ()


def relu_(values: Tensor) -> Tensor:
    """PyTorch's own keeps the output, as it should."""
    return F.relu(values, inplace=True)


def relu6_(values: Tensor) -> Tensor:
    """PyTorch's own, in place, keeps a copy of its input for the gradient: a pass over memory, and twice of it."""
    if not (torch.is_grad_enabled() and values.requires_grad):
        return F.relu6(values, inplace=True)
    result: Tensor = _ReLU6.apply(values)
    return result


class _ReLU6(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        ctx.mark_dirty(values)
        ctx.save_for_backward(values.clamp_(0, 6))
        return values

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (output,) = ctx.saved_tensors
        return _RELU6.gradient(gradients[0], output, False)


def _gradient_by(operator: Any, *scalars: float) -> Callable[[Tensor, Tensor, bool], Tensor]:
    """`Activation.gradient` by one of PyTorch's own backward operators."""

    def gradient_of(gradient: Tensor, output: Tensor, over: bool) -> Tensor:
        result: Tensor = (
            operator.grad_input(gradient, output, *scalars, grad_input=gradient)
            if over
            else operator(gradient, output, *scalars)
        )
        return result

    return gradient_of


_RELU = Activation(relu_, _gradient_by(torch.ops.aten.threshold_backward, 0), "relu")
_RELU6 = Activation(relu6_, _gradient_by(torch.ops.aten.hardtanh_backward, 0, 6), "hardtanh", (0.0, 6.0))
_KNOWN: dict[Any, Activation] = {
    nn.ReLU: _RELU, F.relu: _RELU, torch.relu: _RELU, "relu": _RELU, relu_: _RELU,
    nn.ReLU6: _RELU6, F.relu6: _RELU6, relu6_: _RELU6,
}  # fmt: skip


def activation_of(called: Any) -> Activation | None:
    """Of a class of modules, a function, or the name of a tensor's method; None if it is no such activation."""
    return _KNOWN.get(called)
