"""Convolutions of a simplified network together with the sums and activations that follow them."""

from typing import Any, cast

from torch import fx, nn

from presoftmax.models.fast._activations import Activation
from presoftmax.models.fast._fused_convolution import FusedConvolution
from presoftmax.models.fast._simplify import SUMS, activation_at

__all__ = ["fuse"]


def fuse(network: fx.GraphModule) -> None:
    """Replace the convolutions of a simplified network on the CPU; it can then neither be moved nor copied.

    Raises:
        ValueError: it has no convolution of torch's own.
    """
    modules, graph = dict(network.named_modules()), network.graph
    convolutions = [node for node in graph.nodes if _is_plain(modules.get(str(node.target)))]
    if not convolutions:
        raise ValueError("it has no convolutions to fuse")
    for number, node in enumerate(convolutions):
        chain, other, activation = _followers(node, modules)
        name, convolution = f"fused_{number}", modules[str(node.target)]
        modules[name] = FusedConvolution(cast(nn.Conv2d, convolution), activation)
        network.add_module(name, modules[name])
        inputs = (node.args[0],) if other is None else (node.args[0], other)
        with graph.inserting_after(chain[-1]):
            fused = graph.call_module(name, inputs)
        chain[-1].replace_all_uses_with(fused)
        for each in reversed(chain):
            graph.erase_node(each)
    for node in graph.nodes:
        module = modules.get(str(node.target))
        if isinstance(module, FusedConvolution):
            module.owns_gradient = all(_sends_a_gradient_of_its_own(user, node, modules) for user in node.users)
    network.delete_all_unused_submodules()
    network.recompile()


def _is_plain(module: Any) -> bool:
    return type(module) is nn.Conv2d and module.padding_mode == "zeros" and not isinstance(module.padding, str)


def _followers(node: fx.Node, modules: dict[str, nn.Module]) -> tuple[list[fx.Node], fx.Node | None, Activation | None]:
    """The convolution and what can be computed with it, in order; the other summand; the activation."""
    chain, other = [node], None
    following = _only_user(node)
    if following is not None and following.target in SUMS and not following.kwargs:
        summands = [each for each in following.args if each is not node]
        if len(summands) == 1 and isinstance(summands[0], fx.Node):
            chain, other, following = [node, following], summands[0], _only_user(following)
    activation = None if following is None else activation_at(following, modules)
    return ([*chain, following], other, activation) if following is not None and activation else (chain, other, None)


def _sends_a_gradient_of_its_own(user: fx.Node, node: fx.Node, modules: dict[str, nn.Module]) -> bool:
    """Whether the gradient that a user of a node sends back to it is a new tensor, which nobody else gets.

    A sum sends the same one to both of its summands.
    """
    module = modules.get(str(user.target))
    if not isinstance(module, FusedConvolution):
        return False
    return module.activation is not None or node not in user.args[1:]


def _only_user(node: fx.Node) -> fx.Node | None:
    return next(iter(node.users)) if len(node.users) == 1 else None
