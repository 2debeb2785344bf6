"""Text as it can be shown anywhere. A name is anybody's: a class, a file, a model, an attack, a title."""

from collections.abc import Iterable
from unicodedata import category

__all__ = ["LINE", "NAME", "one_line", "printable", "storable"]

NAME = 80
"""How many characters of a name are shown."""

LINE = 4000
"""How many characters of a line are shown: a message, a sentence, a path."""

# Of the invisible characters only these change how visible ones are written (in Persian, in emoji), and nothing else.
_JOINERS = "\u200c\u200d"
# Private characters have a font of their own; unassigned ones may be letters that this Python does not know yet.
_SHOWN = ("Zs", "Co", "Cn")


def printable(text: object, limit: int = NAME) -> str:
    """Text on one line, whatever is in it: a control character is shown as its escape, a long text loses its middle.

    A newline, an ANSI escape or a change of the writing direction would move what stands around it, XML forbids
    control characters, and half of a surrogate pair cannot be encoded.

    Args:
        text: what ``str`` makes a text of.
        limit: how many characters it has at most.
    """
    given = str(text)
    pieces = [_shown(character) for character in given[: limit + 1]]
    if len(given) <= limit and sum(map(len, pieces)) <= limit:
        return "".join(pieces)
    tail = (limit - 1) // 2
    end = _as_many_as_fit((_shown(character) for character in reversed(given[-limit:])), tail)
    return "".join([*_as_many_as_fit(pieces, limit - 1 - tail), "…", *reversed(end)])


def one_line(message: object) -> str:
    """A message with its line breaks as spaces, printable, as the command line says it."""
    return printable(" ".join(str(message)[: 10 * LINE].split()), LINE)


def storable(text: object) -> str:
    """The same text where it is one; halves of surrogate pairs, which no table takes, become their escapes.

    A file whose name is not UTF-8 has them.
    """
    return str(text).encode("utf-8", "backslashreplace").decode("utf-8")


def _shown(character: str) -> str:
    if character.isprintable() or character in _JOINERS:
        return character
    noncharacter = ord(character) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(character) <= 0xFDEF
    if category(character) in _SHOWN and not noncharacter:
        return character
    return character.encode("unicode_escape").decode("ascii")


def _as_many_as_fit(pieces: Iterable[str], room: int) -> list[str]:
    taken: list[str] = []
    for piece in pieces:
        room -= len(piece)
        if room < 0:
            break
        taken.append(piece)
    return taken
