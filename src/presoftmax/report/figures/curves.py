"""CA1 and confidence against black-box transferability: Figures 3 to 5 of the paper."""

from typing import Any

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from presoftmax.analysis.claims import FEWEST
from presoftmax.report.figures.style import CONFIDENCE, LOGIT, Quantity, shown, shown_apart, styled, tint_axis
from presoftmax.text import counted

__all__ = ["transfer_figure"]

_PANEL = (4.6, 3.6)
_WORDS = 1.6  # height of a panel where none has curves
_LONGEST = 52  # characters of a line of a panel's title
_CLEANED: dict[str, Any] = {"lw": 1.2, "marker": ".", "ms": 4}
_ALL: dict[str, Any] = {"lw": 0.9, "ls": ":"}


def transfer_figure(curves: pl.DataFrame, title: str, columns: int = 2, by: str = "pair") -> Figure:
    """One panel for each (source, victim): CA1 on the left axis, confidence on the right one.

    Bold with a band: mean and 95 % confidence interval over the examples that had transferred at the end (cleaned).
    Thin and dotted: the mean over all examples. What stands on fewer than 10 examples is not drawn, but said.

    Args:
        curves: rows of `presoftmax.analysis.transfer_curves`, of one attack (or of one pair, with ``by="attack"``).
        title: of the figure.
        columns: panels side by side.
        by: ``"pair"``, or a column of which each value gets a panel.
    """
    keys = ["source", "victim"] if by == "pair" else [by]
    looks = shown_apart([*dict.fromkeys(name for key in keys for name in curves[key])], _LONGEST - len("to "))
    groups = [frame for _, frame in curves.group_by(keys, maintain_order=True)]
    columns = min(columns, len(groups))
    rows = -(-len(groups) // columns)
    with styled():
        drawn = curves["examples"].max() >= FEWEST  # type: ignore[operator]
        height = _PANEL[1] if drawn else _WORDS
        figure = Figure(figsize=(_PANEL[0] * columns, height * rows + 0.5), layout="constrained")
        figure.suptitle(shown(title, 46 * columns + 30), fontsize=11)
        panels = figure.subplots(rows, columns, squeeze=False).ravel()
        top = _ceiling(curves)
        for panel, group in zip(panels, groups, strict=False):
            named = [looks[group[key][0]] for key in keys]
            wide = sum(map(len, named)) + len(" to ") > _LONGEST
            _panel(panel, group, ("\nto " if wide else " to ").join(named), top)
        for panel in panels[len(groups) :]:
            panel.set_visible(False)
        if drawn:
            figure.legend(handles=_legend(), loc="outside lower center", ncols=2 if columns == 1 else 4)
    return figure


def _ceiling(curves: pl.DataFrame) -> float:
    """One height of the CA1 axis for all panels."""
    tallest = curves.select(pl.max_horizontal("ca1", "ca1_high").max()).item()
    return 1.05 * float(tallest)


def _panel(left: Axes, curves: pl.DataFrame, title: str, top: float) -> None:
    right = left.twinx()
    right.grid(False)
    cleaned, everything = curves.filter("cleaned"), curves.filter(~pl.col("cleaned"))
    kept, all_of_them = (max(frame["examples"], default=0) for frame in (cleaned, everything))
    for axes, quantity in ((left, LOGIT), (right, CONFIDENCE)):
        _draw(axes, cleaned, everything, quantity)
    left.set_title(f"{title}\n{kept} of {all_of_them} examples")
    left.set_xlabel("transferred to the victim (%)")
    left.set_xlim(-2, 102)
    left.set_ylim(0, top)
    right.set_ylim(0, 1.05)
    tint_axis(left, LOGIT, "left")
    tint_axis(right, CONFIDENCE, "right")
    if missing := _missing(kept, all_of_them):
        # At the bottom, where the curves of all examples seldom come; alone where there are none.
        height = 0.5 if all_of_them < FEWEST else 0.1
        left.text(0.5, height, missing, ha="center", va="center", color="#555555", transform=left.transAxes)
    if all_of_them < FEWEST:
        for axes in (left, right):
            axes.set_axis_off()


def _missing(kept: int, all_of_them: int) -> str:
    """What is said in place of curves that would stand on too few examples."""
    if all_of_them < FEWEST:
        return f"{counted(all_of_them, 'example')}: too few for curves\n(at least {FEWEST})"
    if kept == 0:
        return "no example had transferred at the end"
    return f"{kept} had transferred at the end:\ntoo few for a curve (at least {FEWEST})" if kept < FEWEST else ""


def _draw(axes: Axes, cleaned: pl.DataFrame, everything: pl.DataFrame, quantity: Quantity) -> None:
    name, color = quantity.column, quantity.color
    enough = pl.col("examples") >= FEWEST
    everything, cleaned = everything.filter(enough), cleaned.filter(enough)
    if everything.height:
        axes.plot(everything["transferability"], everything[name], color=color, **_ALL)
    if cleaned.height:
        axes.plot(cleaned["transferability"], cleaned[name], color=color, ls=quantity.line, **_CLEANED)
        low, high = cleaned[f"{name}_low"], cleaned[f"{name}_high"]
        axes.fill_between(cleaned["transferability"], low, high, color=color, alpha=0.12, lw=0)


def _legend() -> list[Line2D]:
    """One entry for each kind of line, the same whatever a panel shows."""
    return [
        Line2D([], [], color=quantity.color, label=f"{quantity.label}, {name}", **({"ls": quantity.line} | look))
        for quantity in (LOGIT, CONFIDENCE)
        for name, look in (("transferred at the end", _CLEANED), ("all examples", _ALL))
    ]
