"""Numbers as a reader sees them."""

import re

__all__ = ["no_minus_zero"]

_MINUS_ZERO = re.compile(r"(?<![\w.+-])-(0(?:\.0+)?)(?!\.?\d)(?!\w)")


def no_minus_zero(text: str) -> str:
    """The same text with every ``-0``, ``-0.0`` and so on, which a number just below 0 is rounded to, as ``0``."""
    return _MINUS_ZERO.sub(r"\1", text)
