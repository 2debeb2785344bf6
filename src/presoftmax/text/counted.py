"""How many of something there are, and which."""

from collections.abc import Sequence

from presoftmax.text.printable import printable

__all__ = ["counted", "listed"]

_FEW = 4


def counted(count: int, what: str) -> str:
    """``1 photo``, ``2 photos``."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def listed(names: Sequence[str], what: str = "other model") -> str:
    """A few names as in a sentence; of more than four only how many there are, and of what."""
    said = [printable(name) for name in names]
    if len(said) > _FEW:
        return counted(len(said), what)
    return " and ".join([*([", ".join(said[:-1])] if said[1:] else []), *said[-1:]])
