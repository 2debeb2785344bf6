"""Weights from a local file into a network."""

from pathlib import Path

import torch
from torch import Tensor, nn

from presoftmax.errors import ModelError
from presoftmax.models._weights_file import read_state_dicts

__all__ = ["load_weights"]

_OPTION = (": add &classes=", ": make it with ")
_COMPILED = "_orig_mod."
_PARALLEL = ".module."
_BESIDE = {"n_averaged"}
"""What PyTorch's averaging of weights puts beside them."""


def load_weights(network: nn.Module, path: Path, name: str) -> None:
    """Load a local file strictly into a network.

    The state dict is looked for in the dicts around it (``state_dict``, ``model``, ``ema``, ...); prefixes that all of
    its keys share (``module.``, ``model.``) are taken off where the network's own do not have them.

    Raises:
        ModelError: as `read_state_dicts`; names or shapes that do not fit; or several state dicts that fit and differ.
    """
    expected = network.state_dict()
    read = {where: _without_prefixes(each, expected) for where, each in read_state_dicts(path).items()}
    fitting = {where: each for where, each in read.items() if not _misfit(each, expected)}
    if not fitting:
        largest = max(read.values(), key=len)
        # A function of one's own takes no such option.
        misfit = _misfit(largest, expected).replace(*(_OPTION if ".py:" in name else ("", "")))
        raise ModelError(f"{path}: not the weights of {name} ({misfit})")
    first = next(iter(fitting.values()))
    if not all(_equal(first, each) for each in fitting.values() if each is not first):
        listed = " and ".join(map(repr, fitting))
        raise ModelError(
            f"{path}: {listed} could each be the weights, and they differ; save the one that is meant: "
            f"torch.save(torch.load(FILE)[{next(iter(fitting))!r}], NEW)"
        )
    network.load_state_dict(first)


def _without_prefixes(given: dict[str, Tensor], expected: dict[str, Tensor]) -> dict[str, Tensor]:
    values = {key.replace(_COMPILED, ""): value for key, value in given.items() if key not in _BESIDE}
    # Data-parallel parts of a network: PyTorch's own training script wraps only the features of AlexNet and VGG.
    if not any(_PARALLEL in f".{key}" for key in expected):
        values = {f".{key}".replace(_PARALLEL, ".")[1:]: value for key, value in values.items()}
    while values and not values.keys() & expected.keys():
        heads = {key.partition(".")[0] for key in values if "." in key}
        if len(heads) != 1 or not all("." in key for key in values):
            break
        values = {key.partition(".")[2]: value for key, value in values.items()}
    return values


def _misfit(given: dict[str, Tensor], expected: dict[str, Tensor]) -> str:
    """What does not fit, in words; empty where all does."""
    # Old files have no counters of batches; nothing depends on them.
    missing = [key for key in expected if key not in given and not key.endswith("num_batches_tracked")]
    unexpected = [key for key in given if key not in expected]
    other = [key for key in given if key in expected and given[key].shape != expected[key].shape]
    if other and not missing and not unexpected and all(_only_classes(given[key], expected[key]) for key in other):
        classes = given[other[0]].shape[0]
        return f"it has {classes} classes, the model {expected[other[0]].shape[0]}: add &classes={classes}"
    found = []
    if missing:
        found.append(f"Missing keys: {_listed(missing)}")
    if unexpected:
        found.append(f"unexpected ones: {_listed(unexpected)}")
    if other:
        shapes = f"{tuple(given[other[0]].shape)} where {tuple(expected[other[0]].shape)} is expected"
        found.append(f"other shapes: {other[0]} has {shapes}")
    return "; ".join(found)


def _only_classes(given: Tensor, expected: Tensor) -> bool:
    return given.ndim > 0 and given.ndim == expected.ndim and given.shape[1:] == expected.shape[1:]


def _listed(keys: list[str]) -> str:
    more = f" and {len(keys) - 2} more" if len(keys) > 2 else ""
    return ", ".join(keys[:2]) + more


def _equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)
