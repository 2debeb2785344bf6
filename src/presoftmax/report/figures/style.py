"""One look for all figures: colors that colour-blind readers can tell apart, one color for one quantity."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from os.path import commonprefix
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from presoftmax.report.figures._fonts import drawable, families
from presoftmax.storage import replace_file
from presoftmax.text import LINE, printable

__all__ = [
    "CONFIDENCE", "LOGIT", "LOG_ODDS", "Quantity", "png_of", "save", "save_as", "shown", "shown_apart", "styled",
    "tint_axis", "victim_look",
]  # fmt: skip

_NOTEBOOK_DPI = 110


@dataclass(frozen=True)
class Quantity:
    """How a measured quantity is drawn everywhere: its column, its name, its color (Okabe and Ito) and its line."""

    column: str
    label: str
    color: str
    line: str


LOGIT = Quantity("ca1", "largest logit CA1", "#0072B2", "-")
CONFIDENCE = Quantity("confidence", "softmax confidence", "#D55E00", "--")
LOG_ODDS = Quantity("log_odds", "log-odds of the top class", "#009E73", "-.")
_VICTIM_COLORS = ("#CC79A7", "#E69F00", "#56B4E9", "#000000")
_VICTIM_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")


def victim_look(number: int) -> tuple[str, str]:
    """Color and marker of the first, second, ... victim; no two of 32 have both in common."""
    round_, color = divmod(number, len(_VICTIM_COLORS))
    return _VICTIM_COLORS[color], _VICTIM_MARKERS[(color + round_) % len(_VICTIM_MARKERS)]


_STYLE: dict[Any, Any] = {
    # Names are anybody's: "$5 and $6" is no formula.
    "text.parse_math": False,
    "axes.formatter.use_mathtext": False,
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.labelsize": 9,
    "axes.spines.top": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.8,
    "savefig.dpi": 200,
    "svg.fonttype": "path",
    "svg.hashsalt": "presoftmax",
}


@contextmanager
def styled() -> Iterator[None]:
    """The look of all figures, for the time of drawing one."""
    with mpl.rc_context({**_STYLE, "font.family": list(families())}):
        yield


def tint_axis(axes: Axes, quantity: Quantity, side: str) -> None:
    """Give a y axis the color of what it measures."""
    axes.set_ylabel(quantity.label, color=quantity.color)
    axes.tick_params(axis="y", colors=quantity.color)
    axes.spines[side].set_color(quantity.color)
    axes.spines[side].set_visible(True)


_LONGEST_LINE = 200


def shown(name: str, longest: int) -> str:
    """A name as it stands in a figure: on one line, no longer than there is room for."""
    return printable(name, longest)


def shown_apart(names: Sequence[str], longest: int) -> dict[str, str]:
    """Names as they stand in a figure, such that no two look the same: what they begin with in common is left out.

    What still looks the same gets a number.
    """
    whole = {name: printable(name, LINE) for name in names}
    short = {name: shown(name, longest) for name in names}
    if len(set(short.values())) < len(short):
        begin = len(commonprefix(list(whole.values())))  # noqa: RUF071  of characters, as is meant
        short = {name: text if len(text) <= longest else _from(text, begin, longest) for name, text in whole.items()}
    looks = list(short.values())
    return {
        name: f"{look} ({number})" if looks.count(look) > 1 else look
        for number, (name, look) in enumerate(short.items(), 1)
    }


def _from(text: str, begin: int, longest: int) -> str:
    rest = f"…{text[begin:]}" if begin > 1 else text
    return rest if len(rest) <= longest else f"{rest[: longest - 1]}…"


def save_as(figure: Figure, path: Path) -> None:
    """Write a figure in the format of the path's ending.

    Raises:
        ValueError: an ending that is no format of a figure.
    """
    kind = path.suffix.removeprefix(".").lower()
    if kind not in figure.canvas.get_supported_filetypes():
        raise ValueError(f"{path}: no format of a figure; end the name with .png, .svg or .pdf")
    _settle_texts(figure)
    with styled():
        replace_file(path, partial(figure.savefig, format=kind, bbox_inches="tight"))


def png_of(figure: Figure) -> bytes:
    """A figure as the bytes of a PNG, small enough for a notebook."""
    file = BytesIO()
    _settle_texts(figure)
    with styled():
        figure.savefig(file, format="png", bbox_inches="tight", dpi=_NOTEBOOK_DPI)
    return file.getvalue()


def _settle_texts(figure: Figure) -> None:
    """Whatever a figure says is printable, no formula, and in letters that there is a font for."""
    for text in figure.findobj(Text):
        lines = text.get_text().split("\n")
        text.set_text(drawable("\n".join(printable(line, _LONGEST_LINE) for line in lines)))
        text.set_parse_math(False)


def save(figure: Figure, stem: Path) -> Path:
    """Write a figure as ``STEM.png``, of which the path is given back, and ``STEM.svg``."""
    _settle_texts(figure)
    # Resolution, and what makes two SVG files of one figure equal, are looked up when it is written.
    with styled():
        for kind, metadata in (("png", {}), ("svg", {"Date": None})):
            write = partial(figure.savefig, format=kind, metadata=metadata, bbox_inches="tight")
            # Not `with_suffix`: a name may have a point in it.
            replace_file(stem.parent / f"{stem.name}.{kind}", write)
    return stem.parent / f"{stem.name}.png"
