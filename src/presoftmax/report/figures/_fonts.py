"""Which letters can be drawn here: matplotlib brings the Latin, Greek and Cyrillic ones, the machine perhaps more."""

from functools import cache

from matplotlib.font_manager import FontProperties, fontManager
from matplotlib.ft2font import FT2Font

__all__ = ["drawable", "families"]

_FIRST = "DejaVu Sans"
# Outline fonts that hold the letters of Asia, by system.
_FURTHER = (
    "Noto Sans CJK JP", "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "WenQuanYi Zen Hei",
    "Droid Sans Fallback", "Microsoft YaHei", "Malgun Gothic", "Hiragino Sans", "PingFang SC", "Arial Unicode MS",
)  # fmt: skip
_MISSING = "\ufffd"


@cache
def families() -> tuple[str, ...]:
    """The fonts of figures; a letter is taken from the first that has it."""
    here = {font.name for font in fontManager.ttflist}
    return (_FIRST, *(name for name in _FURTHER if name in here))


def drawable(text: str) -> str:
    """The same text, with a mark for each letter that no font here has: matplotlib would warn of each of them."""
    return text if text.isascii() else "".join(each if each == "\n" or _has(each) else _MISSING for each in text)


def _has(letter: str) -> bool:
    return ord(letter) in _letters()


@cache
def _letters() -> frozenset[int]:
    fonts = (FT2Font(fontManager.findfont(FontProperties(family=[name]))) for name in families())
    return frozenset(code for font in fonts for code in font.get_charmap())
