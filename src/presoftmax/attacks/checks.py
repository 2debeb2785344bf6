"""Settings of attacks that make no sense are refused where they are given."""

from enum import Enum
from typing import TypeVar

from presoftmax.errors import AttackError

__all__ = ["choice", "positive"]

Choice = TypeVar("Choice", bound=Enum)


def positive(name: str, value: float) -> float:
    """The value, if it is positive; `AttackError` otherwise."""
    if not value > 0:
        raise AttackError(f"{name} must be positive, got {value}")
    return value


def choice(kind: type[Choice], value: str, name: str) -> Choice:
    """The member of an enumeration with this value; `AttackError` names the options otherwise."""
    try:
        return kind(value)
    except ValueError:
        options = ", ".join(str(each.value) for each in kind)
        raise AttackError(f"{name} must be one of {options}, got {value!r}") from None
