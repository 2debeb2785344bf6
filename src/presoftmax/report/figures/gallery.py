"""An image and what an attack made of it: Figures 1 and 2 of the paper."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from presoftmax.report.figures.style import shown, styled

__all__ = ["Namer", "Picture", "choose_iterations", "class_namer", "gallery_figure"]

Namer = Callable[[int], str]
"""Class number to class name."""

_COLUMNS = 4


@dataclass(frozen=True)
class Picture:
    """An image uint8 ``(H, W, 3)`` with its row of the `steps` table."""

    pixels: npt.NDArray[np.uint8]
    row: dict[str, Any]


def class_namer(classes: Sequence[str] | None) -> Namer:
    """Names of classes where they are known, else ``class 7``."""

    def name_of(number: int) -> str:
        known = classes is not None and 0 <= number < len(classes)
        return str(classes[number]) if classes is not None and known else f"class {number}"

    return name_of


def choose_iterations(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The clean row and up to three more of growing CA1: where the source is first fooled, the end, and one between.

    Args:
        rows: an example's rows of the `steps` table, by iteration, of iterations whose images are there.

    Returns:
        The chosen rows. An example that never fools the source is shown at a first step and the end.
    """
    later = rows[1:]
    fooled = [row for row in later if _fools(row)] or list(later)
    first, end = fooled[0], later[-1]
    middle = (first["ca1"] + end["ca1"]) / 2
    between = [row for row in fooled if first["ca1"] < row["ca1"] < end["ca1"]]
    chosen = [first, *sorted(between, key=lambda row: abs(row["ca1"] - middle))[:1], end]
    unique = {row["iteration"]: row for row in (rows[0], *chosen)}
    return [unique[iteration] for iteration in sorted(unique)]


def _fools(row: dict[str, Any]) -> bool:
    """Whether the source predicts a target there, or, without targets, a wrong class."""
    return row["predicted"] in row["targets"] if row["targets"] else row["predicted"] != row["label"]


def gallery_figure(strips: Sequence[Sequence[Picture]], name_of: Namer, title: str) -> Figure:
    """Strips of images, the clean one first, each above its perturbation, amplified.

    Args:
        strips: for each example, its clean picture and up to three more.
        name_of: class number to class name.
        title: of the figure.
    """
    with styled():
        figure = Figure(figsize=(2.6 * _COLUMNS, 5.9 * len(strips)), layout="constrained")
        figure.suptitle(shown(title, 120), fontsize=11)
        grid = figure.subplots(2 * len(strips), _COLUMNS, squeeze=False)
        for axes in grid.ravel():
            # Ticks that nobody sees would be laid out with every title.
            axes.set(xticks=[], yticks=[])
            axes.set_axis_off()
        for number, strip in enumerate(strips):
            _strip(grid[2 * number], grid[2 * number + 1], strip, name_of)
    return figure


def _strip(above: Sequence[Axes], below: Sequence[Axes], strip: Sequence[Picture], name_of: Namer) -> None:
    clean = strip[0].pixels.astype(np.int16)
    for axes, under, picture in zip(above, below, strip, strict=False):
        axes.imshow(picture.pixels, interpolation="nearest")
        axes.set_title(_heading(picture.row), fontsize=8.5)
        axes.text(
            0.5,
            -0.03,
            _caption(picture.row, name_of),
            transform=axes.transAxes,
            ha="center",
            va="top",
            fontsize=8,
        )
        if picture is strip[0]:
            continue
        delta = picture.pixels.astype(np.int16) - clean
        gain = 127 / max(1, float(np.percentile(np.abs(delta), 99)))
        under.imshow(np.clip(128 + gain * delta, 0, 255).astype(np.uint8), interpolation="nearest")
        under.set_title(
            f"perturbation x {gain:.1f}\nL2 {picture.row['l2']:,.0f}, L-inf {picture.row['linf']} grey levels",
            fontsize=7.5,
        )


def _heading(row: dict[str, Any]) -> str:
    return "original" if row["iteration"] == 0 else f"iteration {row['iteration']}"


def _caption(row: dict[str, Any], name_of: Namer) -> str:
    name = shown(name_of(row["predicted"]), 26)
    exactly = " (exactly 1)" if row["saturated"] else ""
    logits = "   ".join(f"CA{i} {row[f'ca{i}']:.1f}" for i in (1, 2, 3) if row[f"ca{i}"] is not None)
    return f"{name}\nconfidence {row['confidence']:.2f}{exactly}\n{logits}"
