"""The same function in fewer passes over memory: batch norms and padding folded, activations in place."""

import operator
from collections import Counter
from typing import Any

import torch
from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from presoftmax.models.fast._activations import Activation, activation_of
from presoftmax.models.fast._padding import pad_inside
from presoftmax.models.fast.shared_weights import sharing_copy

__all__ = ["SUMS", "activation_at", "simplified"]

# Their backward passes need what came in, not what went out, so an activation may write over it.
_KEEP_NO_OUTPUT = (nn.Conv2d, nn.Linear, nn.BatchNorm2d)
SUMS = {operator.add, operator.iadd, torch.add}


def simplified(network: nn.Module) -> fx.GraphModule:
    """A copy of a network with batch norms and padding folded into the convolutions, and activations in place.

    The copy is for evaluation only, and shares the weights that are left as they are. Whether it agrees with the
    network is for the caller to check: a convolution that does more than convolve would not.

    Args:
        network: in evaluation mode.

    Raises:
        ValueError: it has hooks.
        Exception: of any kind, where the network cannot be traced (it branches on its data, for instance).
    """
    if any(module._forward_hooks or module._forward_pre_hooks for module in network.modules()):
        raise ValueError("it has hooks, which a simplified copy would not call")
    copied = sharing_copy(network)
    pad_inside(copied)
    graph = _Tracer().trace(copied)
    _fold_batch_norms(graph, dict(copied.named_modules()))
    _activate_in_place(graph, dict(copied.named_modules()))
    module = fx.GraphModule(copied, graph, type(network).__name__)
    module.delete_all_unused_submodules()
    return module.eval()


class _Tracer(fx.Tracer):
    """Sees convolutions whole, also those whose class is not torch's own (padding of their own, for instance)."""

    def is_leaf_module(self, module: nn.Module, qualified_name: str) -> bool:
        return isinstance(module, nn.Conv2d) or super().is_leaf_module(module, qualified_name)


def _fold_batch_norms(graph: fx.Graph, modules: dict[str, nn.Module]) -> None:
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


def _activate_in_place(graph: fx.Graph, modules: dict[str, nn.Module]) -> None:
    for node in list(graph.nodes):
        activation = activation_at(node, modules)
        before = node.args[0] if activation is not None and node.args else None
        if activation is None or not isinstance(before, fx.Node) or not _may_be_overwritten(before, modules):
            continue
        with graph.inserting_before(node):
            in_place = graph.call_function(activation.in_place, (before,))
        node.replace_all_uses_with(in_place)
        graph.erase_node(node)


def activation_at(node: fx.Node, modules: dict[str, nn.Module]) -> Activation | None:
    """The activation that a node of a graph is, if it is one."""
    return activation_of(type(modules[str(node.target)]) if node.op == "call_module" else node.target)


def _may_be_overwritten(node: fx.Node, modules: dict[str, nn.Module]) -> bool:
    if len(node.users) != 1:
        return False
    if node.op == "call_module":
        return isinstance(modules[str(node.target)], _KEEP_NO_OUTPUT)
    return node.op == "call_function" and node.target in SUMS
