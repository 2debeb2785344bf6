"""Batch norms folded into the convolutions before them: the same function, fewer and smaller passes over memory."""

import copy
from collections import Counter
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

__all__ = ["folded"]

_TOLERANCE = 1e-4


class _Tracer(fx.Tracer):
    """Sees convolutions whole, also those whose class is not torch's own (padding of their own, for instance)."""

    def is_leaf_module(self, module: nn.Module, qualified_name: str) -> bool:
        return isinstance(module, nn.Conv2d) or super().is_leaf_module(module, qualified_name)


def folded(network: nn.Module, size: int | None) -> nn.Module:
    """A copy of a network with its batch norms folded, or the network itself where that cannot be done.

    The copy is only used when it agrees with the network on a random image (to 1e-4 of the largest logit): a
    convolution that does more than convolve would not. It is for evaluation only.

    Args:
        network: in evaluation mode.
        size: side of its input in pixels; without it nothing can be checked, and nothing is folded.
    """
    if size is None or not any(isinstance(module, nn.BatchNorm2d) for module in network.modules()):
        return network
    try:
        candidate = _fold(copy.deepcopy(network))
        return candidate if _agree(network, candidate, size) else network
    except Exception:  # tracing fails in many ways on networks that branch on their data; they stay as they are
        return network


def _fold(network: nn.Module) -> nn.Module:
    graph = _Tracer().trace(network)
    modules = dict(network.named_modules())
    calls = Counter(node.target for node in graph.nodes if node.op == "call_module")
    for node in list(graph.nodes):
        before = node.args[0] if node.op == "call_module" and node.args else None
        if type(modules.get(str(node.target))) is not nn.BatchNorm2d or not isinstance(before, fx.Node):
            continue
        convolution: Any = modules.get(str(before.target)) if before.op == "call_module" else None
        alone = len(before.users) == 1 and calls[before.target] == calls[node.target] == 1
        if isinstance(convolution, nn.Conv2d) and alone:
            _absorb(convolution, modules[str(node.target)])
            node.replace_all_uses_with(before)
            graph.erase_node(node)
    module = fx.GraphModule(network, graph, type(network).__name__)
    module.delete_all_unused_submodules()
    return module.eval()


def _absorb(convolution: nn.Conv2d, norm: Any) -> None:
    convolution.weight, convolution.bias = fuse_conv_bn_weights(
        convolution.weight,
        convolution.bias,
        norm.running_mean,
        norm.running_var,
        norm.eps,
        norm.weight,
        norm.bias,
    )


@torch.no_grad()
def _agree(plain: nn.Module, candidate: nn.Module, size: int) -> bool:
    image = torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    expected: Tensor = plain(image)
    got: Tensor = candidate(image)
    return bool((got - expected).abs().max() <= _TOLERANCE * expected.abs().max())
