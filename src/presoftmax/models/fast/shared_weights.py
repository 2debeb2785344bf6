"""Copies of networks that share the weights they do not change, and a watch over those."""

import copy
from collections.abc import Iterable
from typing import TypeVar

from torch import nn
from torch.nn.parameter import is_lazy

from presoftmax.errors import ModelError
from presoftmax.models.classifier import Classifier, Model

__all__ = ["WeightWatch", "sharing_copy"]

Network = TypeVar("Network", bound=nn.Module)


def sharing_copy(network: Network) -> Network:
    """A copy with parameters of its own, frozen, in the memory of the network's.

    What is given to a parameter of the copy (another layout or number format) leaves the network as it is; what is
    written into the network's is seen by both.
    """
    own = {
        id(parameter): nn.Parameter(parameter.detach(), requires_grad=False)
        for parameter in network.parameters()
        if not is_lazy(parameter)
    }
    return copy.deepcopy(network, own)


class WeightWatch:
    """Notices when weights that copies of networks share are written to.

    Args:
        models: classifiers with such copies; others are not looked at.
    """

    def __init__(self, models: Iterable[Model]) -> None:
        classifiers = [model for model in models if isinstance(model, Classifier)]
        self._seen = [
            (model.name, weight, weight._version)
            for model in classifiers
            for weight in model.parameters()
            if not weight.is_inference()
        ]

    def check(self) -> None:
        """Raise `ModelError` where a weight has been written to since: its network is then half old, half new."""
        for name, weight, version in self._seen:
            if weight._version != version:
                raise ModelError(f"the weights of {name} were changed after the attack was prepared; prepare it again")
