"""Settings of attacks that make no sense are refused where they are given: one rule for each kind of number."""

import math
from numbers import Integral, Real
from typing import Any

from presoftmax.errors import AttackError

__all__ = ["LARGEST", "MOST_STEPS", "MOST_TARGETS", "between", "number", "positive", "shown", "whole"]

LARGEST = 1e12
"""Beyond any size, weight or margin that means something: float32 still holds its products."""
MOST_STEPS = 1_000_000
"""Iterations: two thousand times those of the paper."""

MOST_TARGETS = 100_000
"""Target classes of an example."""


def positive(name: str, value: Any) -> float:
    """The value, if it is a positive number that float32 can do something with; `AttackError` otherwise."""
    found = number(name, value)
    if not found > 0:  # nor is NaN
        raise AttackError(f"{name} must be positive, got {value}")
    return between(name, found, 1 / LARGEST, LARGEST)


def between(name: str, value: Any, low: float, high: float) -> float:
    """The value, if it is a finite number from low to high; `AttackError` otherwise."""
    found = number(name, value)
    if not math.isfinite(found):
        raise AttackError(f"{name} must be finite, got {found}")
    if not low <= found <= high:
        raise AttackError(f"{name} must be from {low:g} to {high:g}, got {shown(value)}")
    return found


def whole(name: str, value: Any, low: int, high: int) -> int:
    """The value, if it is a whole number from low to high; `AttackError` otherwise."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise AttackError(f"{name} must be a whole number, got {shown(value)}")
    found = int(value)
    if found < low:
        raise AttackError(f"{name} must be at least {low}, got {shown(value)}")
    if found > high:
        raise AttackError(f"{name} must be at most {high}, got {shown(value)}")
    return found


def number(name: str, value: Any) -> float:
    """The value, if it is a number, NaN and infinity included; `AttackError` otherwise."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise AttackError(f"{name} must be a number, got {shown(value)}")
    try:
        return float(value)
    except OverflowError:  # an int beyond every float
        raise AttackError(f"{name} must be at most {LARGEST:g}, got {shown(value)}") from None


def shown(value: Any, limit: int = 40) -> str:
    """A value as it is written, cut: of a tensor or a number of a thousand digits, its beginning."""
    try:
        text = " ".join(repr(value).split())
    except ValueError:  # an int of more digits than Python prints
        text = "a number of thousands of digits"
    return text if len(text) <= limit else f"{text[:limit]}..."
