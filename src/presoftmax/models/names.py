"""How tables and figures call models: one rule for everything that has victims.

A name that the user gave comes first (the key of ``{"vgg": net}``, ``Classifier(..., name=)``), then what the model
knows of itself (timm's and Hugging Face's do), then its class. Names that repeat get a number.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from presoftmax.text import storable

__all__ = ["distinct_names", "own_name"]


def distinct_names(names: Iterable[str], taken: Iterable[str] = ()) -> tuple[str, ...]:
    """The same names, told apart: the second ``vgg`` is ``vgg-2``.

    Args:
        names: in order.
        taken: names that are in use already (the source's, for its victims).
    """
    used = set(taken)
    count = Counter(used)
    found = []
    for name in map(storable, names):
        count[name] += 1
        candidate = name
        while candidate in used:
            candidate = f"{name}-{count[name]}"
            count[name] += candidate in used
        used.add(candidate)
        found.append(candidate)
    return tuple(found)


def own_name(model: Any, otherwise: str | None = None) -> str:
    """What a module or a callable is called, as far as it knows.

    Args:
        model: a module, a function or an object that can be called.
        otherwise: for one without a name of its own (a lambda); its class when left out.
    """
    for known in (_text(model, "name"), _from_timm(model), _from_hugging_face(model), _text(model, "__name__")):
        if known and known != "<lambda>":
            return known
    anonymous = getattr(model, "__name__", None) == "<lambda>" or type(model).__name__ == "function"
    return otherwise or "model" if anonymous else type(model).__name__


def _text(model: Any, attribute: str) -> str | None:
    value = getattr(model, attribute, None)
    return value if isinstance(value, str) else None


def _from_timm(model: Any) -> str | None:
    """``pretrained_cfg`` is a dict, or in newer versions an object that answers like one."""
    config = getattr(model, "pretrained_cfg", None)
    architecture = config.get("architecture") if isinstance(config, dict) else getattr(config, "architecture", None)
    return architecture if isinstance(architecture, str) else None


def _from_hugging_face(model: Any) -> str | None:
    name = _text(getattr(model, "config", None), "name_or_path")
    return name.rstrip("/").rpartition("/")[2] if name else None
