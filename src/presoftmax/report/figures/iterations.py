"""Confidence beside CA1, log-odds and transfer against the iteration, one row for each attack."""

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from presoftmax.report.figures.style import (
    CONFIDENCE,
    LOG_ODDS,
    LOGIT,
    shown,
    shown_apart,
    styled,
    tint_axis,
    victim_look,
)

__all__ = ["iterations_figure"]

_LONGEST_ATTACK, _LONGEST_VICTIM = 22, 34
# Room above the lines for the legend, as a share of the height of the axes.
_LEGEND = 0.3
# The lines of more hide behind their legend, which then stands beside them.
_VICTIMS_INSIDE = 3


def iterations_figure(means: pl.DataFrame, transfer: pl.DataFrame) -> Figure:
    """What the softmax shows and what it hides.

    Args:
        means: rows of `presoftmax.analysis.by_iteration` of one source, of any attacks.
        transfer: rows of `presoftmax.analysis.transfer_by_iteration` of the same.
    """
    attacks = means["attack"].unique(maintain_order=True).to_list()
    with styled():
        width = 11.0 if transfer["victim"].n_unique() <= _VICTIMS_INSIDE else 13.5
        figure = Figure(figsize=(width, 3.2 * len(attacks) + 0.2), layout="constrained")
        grid = figure.subplots(len(attacks), 3 if transfer.height else 2, squeeze=False, sharex=True)
        top = float(means.select(pl.max_horizontal("ca1", "log_odds").max()).item())
        for row, attack in zip(grid, attacks, strict=True):
            of_attack, name = means.filter(pl.col("attack") == attack), shown(attack, _LONGEST_ATTACK)
            _confidence(row[0], of_attack, name)
            _logits(row[1], of_attack, name, top)
            if transfer.height:
                _transfer(row[2], transfer.filter(pl.col("attack") == attack), name)
        for axes in grid[-1]:
            axes.set_xlabel("iteration")
    return figure


def _confidence(axes: Axes, means: pl.DataFrame, attack: str) -> None:
    axes.plot(
        means["iteration"],
        means["confidence"],
        color=CONFIDENCE.color,
        ls=CONFIDENCE.line,
        label="mean confidence",
    )
    axes.plot(
        means["iteration"],
        means["saturated"],
        color="#555555",
        lw=1.2,
        ls=":",
        label="share exactly 1 in float32",
    )
    axes.set_title(f"{attack}: what the softmax says")
    axes.set_yticks([0, 0.2, 0.4, 0.6, 0.8, 1])
    axes.set_ylim(0, 1 / (1 - _LEGEND))
    tint_axis(axes, CONFIDENCE, "left")
    axes.legend(loc="upper left")


def _logits(axes: Axes, means: pl.DataFrame, attack: str, top: float) -> None:
    for quantity in (LOGIT, LOG_ODDS):
        axes.plot(
            means["iteration"],
            means[quantity.column],
            color=quantity.color,
            ls=quantity.line,
            label=quantity.label,
        )
    targeted = means["group_log_odds"].null_count() == 0
    if targeted:
        axes.plot(
            means["iteration"],
            means["group_log_odds"],
            color="#555555",
            lw=1.2,
            ls=":",
            label="log-odds of all targets",
        )
    axes.axhline(0, color="#999999", lw=0.8)
    axes.set_title(f"{attack}: what stands before it")
    axes.set_ylabel("mean (logit units)")
    lowest = means["group_log_odds" if targeted else "log_odds"].min()
    bottom = min(0.0, float(lowest or 0)) * 1.05  # type: ignore[arg-type]
    axes.set_ylim(bottom, bottom + (top - bottom) / (1 - _LEGEND))
    axes.legend(loc="upper left")


def _transfer(axes: Axes, transfer: pl.DataFrame, attack: str) -> None:
    victims = transfer["victim"].unique(maintain_order=True).to_list()
    looks = shown_apart(victims, _LONGEST_VICTIM)
    dotted = []
    for number, victim in enumerate(victims):
        of_victim = transfer.filter(pl.col("victim") == victim)
        color, marker = victim_look(number)
        every = max(1, of_victim.height // 10)
        # A label that begins with the name would be lost where that begins with "_".
        axes.plot(of_victim["iteration"], 100 * of_victim["misclassified"], color=color, marker=marker, ms=4,
                  markevery=every, label=f"fools {looks[victim]}")  # fmt: skip
        if of_victim["targeted"].null_count() == 0:
            dotted += axes.plot(of_victim["iteration"], 100 * of_victim["targeted"], color=color, lw=1, ls=":")
    if dotted:
        axes.plot([], [], color="#555555", lw=1, ls=":", label="taken for a target")
    axes.set_title(f"{attack}: what transfers")
    axes.set_ylabel("examples (%)")
    axes.set_yticks([0, 20, 40, 60, 80, 100])
    if len(victims) > _VICTIMS_INSIDE:
        axes.set_ylim(-2, 102)
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.03))
    elif victims:
        axes.set_ylim(-2, 102 / (1 - _LEGEND))
        axes.legend(loc="upper left")
