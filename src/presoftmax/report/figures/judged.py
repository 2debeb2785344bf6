"""Judged examples in one picture: confidence against strength, and the pair that tells the most."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import polars as pl
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm
from matplotlib.figure import Figure

from presoftmax.report.figures.style import LOG_ODDS, LOGIT, styled
from presoftmax.strength import BARELY, DEEPLY

__all__ = ["Shown", "judged_figure"]

_NATURAL = "#9AA5AE"
_PLAIN = "#0072B2"
_MAP = "viridis"


@dataclass(frozen=True)
class Shown:
    """An example to be drawn: its image uint8 ``(H, W, 3)``, its row of the table, and what is said above it."""

    pixels: npt.NDArray[np.uint8]
    row: dict[str, Any]
    title: str


def judged_figure(
    strength: pl.DataFrame,
    transfers: pl.DataFrame,
    ranges: Mapping[str, Mapping[str, float]],
    shown: Sequence[Shown],
    title: str,
) -> Figure:
    """Confidence against misclassification log-odds, a dot for each adversarial example; beside it, a few of them.

    Args:
        strength: the table of judged examples.
        transfers: theirs at victims; the color of a dot is how many it fools.
        ranges: of natural images: quantiles of ``ca1`` and ``log_odds``.
        shown: up to three examples, with a bar of CA1 on the natural range.
        title: of the figure.
    """
    ours = strength.filter("adversarial")
    with styled():
        figure = Figure(figsize=(11 if shown else 7, 4.6), layout="constrained")
        panels = figure.subfigures(1, 2 if shown else 1, width_ratios=(1.25, 1) if shown else None, squeeze=False)[0]
        _scatter(panels[0], panels[0].subplots(), ours, _fooled(ours, transfers), ranges["log_odds"])
        panels[0].axes[0].set_title(title, loc="left")
        if shown:
            _examples(panels[1], shown, ranges["ca1"])
    return figure


def _fooled(ours: pl.DataFrame, transfers: pl.DataFrame) -> tuple[npt.NDArray[np.int64], int] | None:
    """How many victims each example fools, and how many there are; None without victims."""
    victims = transfers["victim"].n_unique()
    if not victims:
        return None
    counts = transfers.group_by("example").agg(pl.col("misclassified").sum().cast(pl.Int64))
    joined = ours.select("example").join(counts, on="example", how="left", maintain_order="left")
    return joined["misclassified"].fill_null(0).to_numpy(), victims


def _scatter(
    figure: Any,
    axes: Axes,
    ours: pl.DataFrame,
    fooled: tuple[npt.NDArray[np.int64], int] | None,
    natural: Mapping[str, float],
) -> None:
    axes.axhspan(natural["0.05"], natural["0.95"], color=_NATURAL, alpha=0.22, lw=0)
    beside: dict[str, Any] = {"fontsize": 7, "color": "#55636f", "transform": axes.get_yaxis_transform()}
    axes.text(0.5, natural["0.95"], "natural images: 90 % of their own log-odds", va="bottom", ha="center", **beside)
    for bound, name in ((BARELY, "crosses"), (DEEPLY, "crosses deeply")):
        axes.axhline(bound, color="#777777", lw=0.9, ls=":")
        axes.text(0.012, bound, name, va="bottom", **beside)
    x, y = ours["confidence"].to_numpy(), ours["misclassification_log_odds"].to_numpy()
    dots: dict[str, Any] = {"s": 34, "edgecolors": "#222222", "linewidths": 0.5, "zorder": 3, "clip_on": False}
    if fooled is None:
        axes.scatter(x, y, color=_PLAIN, **dots)
    else:
        counts, victims = fooled
        norm = BoundaryNorm(np.arange(victims + 2) - 0.5, 256)
        points = axes.scatter(x, y, c=counts, cmap=mpl.colormaps[_MAP], norm=norm, **dots)
        bar = figure.colorbar(points, ax=axes, pad=0.015, aspect=30, ticks=_ticks(victims))
        bar.set_label(f"victims fooled, of {victims}")
        bar.outline.set_visible(False)
    axes.set_xlim(0, 1.02)
    axes.set_xlabel("softmax confidence")
    axes.set_ylabel("misclassification log-odds (nats)", color=LOG_ODDS.color)


def _ticks(victims: int) -> list[int]:
    step = max(1, victims // 5)
    return list(range(0, victims + 1, step))


def _examples(figure: Any, shown: Sequence[Shown], natural: Mapping[str, float]) -> None:
    """Rows of an image and its bar of CA1 on the natural range."""
    grid = figure.subplots(len(shown), 2, width_ratios=(1, 1.7), squeeze=False)
    most = max([natural["1"], *(each.row["ca1"] for each in shown)])
    low = min([0.0, natural["0.05"], *(each.row["ca1"] for each in shown)])
    for (picture, bar), each in zip(grid, shown, strict=True):
        small = each.pixels.shape[0] < 64
        picture.imshow(each.pixels, interpolation="nearest" if small else "antialiased")
        picture.set_axis_off()
        bar.axvspan(natural["0.05"], natural["0.95"], color=_NATURAL, alpha=0.3, lw=0)
        bar.axvline(natural["1"], color="#55636f", lw=1, ls="--")
        bar.barh([0], [each.row["ca1"]], height=0.5, color=LOGIT.color)
        bar.text(each.row["ca1"], 0, f" {each.row['ca1']:.1f}", va="center", fontsize=9, fontweight="bold")
        bar.set(xlim=(low, most * 1.22 if most > 0 else 1.0), ylim=(-0.8, 0.8), yticks=[])
        bar.set_title(each.title, loc="left", fontsize=8.5)
        bar.spines[["left", "right"]].set_visible(False)
        bar.grid(visible=False)
    grid[-1][1].set_xlabel("largest logit CA1 (gray: natural images, 5 to 95 %; dashed: the largest)", fontsize=8)
