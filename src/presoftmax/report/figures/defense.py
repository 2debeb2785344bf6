"""What a detector finds: ROC curves, and its statistic along the iterations."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from presoftmax.report.figures.style import shown, styled

__all__ = ["defense_roc_figure", "defense_statistic_figure"]

_PANEL = (3.4, 3.1)
_COLUMNS = 3
_COLORS = ("#009E73", "#0072B2", "#D55E00", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_LINES = ("-", "--", "-.", ":")
_RATES = np.concatenate([[0.0], np.geomspace(0.002, 1, 200)])
_TITLE = 34


def defense_roc_figure(
    natural: pl.DataFrame, detections: pl.DataFrame, detectors: Sequence[str], moment: str
) -> Figure | None:
    """Share found against share of natural images flagged, a panel for each attack, the mean over the sources.

    Args:
        natural: statistics of held-out natural images as they are.
        detections: of the attacks.
        detectors: that are drawn.
        moment: of the attacked images.
    """
    rows = detections.filter(pl.col("moment") == moment)
    attacks = rows["attack"].unique(maintain_order=True).to_list()
    if not attacks:
        return None
    with styled():
        figure, panels = _panels(len(attacks))
        for panel, attack in zip(panels, attacks, strict=False):
            of_attack = rows.filter(pl.col("attack") == attack)
            for number, detector in enumerate(detectors):
                curve = _mean_curve(natural, of_attack, detector)
                color, line = _COLORS[number % len(_COLORS)], _LINES[number // len(_COLORS) % len(_LINES)]
                panel.plot(100 * _RATES, 100 * curve, label=shown(detector, _TITLE), color=color, ls=line)
            panel.plot(100 * _RATES, 100 * _RATES, color="#888888", lw=0.9, ls=":", label="at random")
            panel.set(title=shown(attack, _TITLE), xscale="symlog", xlim=(0, 100), ylim=(0, 102))
            panel.set(xlabel="natural images flagged (%)", ylabel="found (%)")
            panel.set_xscale("symlog", linthresh=1)
            panel.set_xticks([0, 1, 5, 20, 100], ["0", "1", "5", "20", "100"])
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=4)
    return figure


def defense_statistic_figure(natural: pl.DataFrame, on_the_way: pl.DataFrame, detector: str) -> Figure | None:
    """A detector's statistic along the iterations, a panel for each attack, beside where natural images lie.

    Args:
        natural: statistics of held-out natural images as they are.
        on_the_way: detections of images that fool, at log-spaced iterations.
        detector: that is drawn, on the first source.
    """
    rows = on_the_way.filter(pl.col("detector") == detector)
    if not rows.height:
        return None
    source = rows["source"][0]
    rows = rows.filter(pl.col("source") == source)
    calm = natural.filter((pl.col("detector") == detector) & (pl.col("source") == source))["statistic"].to_numpy()
    attacks = rows["attack"].unique(maintain_order=True).to_list()
    with styled():
        figure, panels = _panels(len(attacks))
        for panel, attack in zip(panels, attacks, strict=False):
            _statistic(panel, rows.filter(pl.col("attack") == attack), calm)
            panel.set(title=shown(attack, _TITLE), xlabel="iteration", ylabel=f"statistic of {shown(detector, 24)}")
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


def _statistic(panel: Axes, rows: pl.DataFrame, calm: npt.NDArray[np.float64]) -> None:
    value = pl.col("statistic")
    by = (
        rows.filter(value.is_finite())
        .group_by("iteration")
        .agg(value.median().alias("mid"), value.quantile(0.25).alias("low"), value.quantile(0.75).alias("high"))
        .sort("iteration")
    )
    at = by["iteration"].to_numpy()
    panel.axhspan(float(np.quantile(calm, 0.05)), float(np.quantile(calm, 0.95)), color="#DDE6EC", zorder=0)
    panel.axhline(float(np.quantile(calm, 0.99)), color="#888888", lw=0.9, ls=":", label="natural, 99 %")
    panel.fill_between(at, by["low"].to_numpy(), by["high"].to_numpy(), color="#D55E00", alpha=0.2, lw=0)
    panel.plot(at, by["mid"].to_numpy(), color="#D55E00", marker="o", ms=3, label="attacked, median and quartiles")
    panel.fill_between([], [], [], color="#DDE6EC", label="natural, 5 to 95 %")


def _panels(count: int) -> tuple[Figure, list[Axes]]:
    columns = min(count, _COLUMNS)
    rows = -(-count // columns)
    figure = Figure(figsize=(_PANEL[0] * max(columns, 2), _PANEL[1] * rows + 0.5), layout="constrained")
    panels = list(figure.subplots(rows, columns, squeeze=False).ravel())
    for panel in panels[count:]:
        panel.set_visible(False)
    return figure, panels


def _mean_curve(natural: pl.DataFrame, rows: pl.DataFrame, detector: str) -> npt.NDArray[np.float64]:
    """Share found at each rate, the mean over the sources."""
    of = rows.filter(pl.col("detector") == detector)
    curves = []
    for (source,), part in of.group_by("source", maintain_order=True):
        same = (pl.col("detector") == detector) & (pl.col("source") == source)
        calm = np.sort(natural.filter(same)["statistic"].to_numpy())
        at = np.minimum(np.ceil((1 - _RATES) * len(calm)).astype(int), len(calm) - 1)
        limits = np.where(_RATES == 0, np.inf, calm[at])
        curves.append((part["statistic"].to_numpy()[None] >= limits[:, None]).mean(axis=1))
    mean: npt.NDArray[np.float64] = np.mean(curves, axis=0)
    return mean
