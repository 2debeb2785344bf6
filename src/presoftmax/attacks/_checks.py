"""Settings of attacks that make no sense are refused where they are given."""

from presoftmax.errors import AttackError

__all__ = ["positive"]


def positive(name: str, value: float) -> float:
    """The value, if it is positive; `AttackError` otherwise."""
    if not value > 0:
        raise AttackError(f"{name} must be positive, got {value}")
    return value
