"""What each format makes of a growing gap: the probability stops, the log-odds do not."""

from collections.abc import Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter

from presoftmax.numerics import FORMATS, Format
from presoftmax.report.figures.style import LOG_ODDS, styled

__all__ = ["saturation_figure"]

_WIDEST = 45.0
_LOOKS = (
    ("#E69F00", "-"), ("#D55E00", "--"), ("#999999", "-"), ("#999999", "--"), ("#CC79A7", "-"), ("#0072B2", "-."),
    ("#56B4E9", "-"), ("#000000", "--"),
)  # fmt: skip


def saturation_figure(formats: Sequence[Format] = FORMATS) -> Figure:
    """Two panels for two classes: ``1 - p`` as each format holds it, to where it becomes 0; and the log-odds."""
    gaps = torch.linspace(0, _WIDEST, 1801, dtype=torch.float64)
    logits = torch.stack([gaps, torch.zeros_like(gaps)], dim=1)
    with styled():
        figure = Figure(figsize=(10.5, 4.4), layout="constrained")
        left, right = figure.subplots(1, 2)
        for kind, (color, line) in zip(formats, _LOOKS, strict=False):
            _shortfall(left, kind, gaps, logits, color, line)
        left.set_yscale("log")
        left.yaxis.set_major_formatter(LogFormatter())  # "1e-16", which is no formula
        left.set_ylim(1e-17, 2)
        left.set_title("what is left to 1: 1 - p, until it is 0 (dot)")
        left.set_ylabel("1 - p of the top class")
        _log_odds(right, formats, gaps)
        for axes in (left, right):
            axes.set_xlabel("gap between the two logits")
            axes.set_xlim(0, _WIDEST)
        figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def _shortfall(axes: Axes, kind: Format, gaps: torch.Tensor, logits: torch.Tensor, color: str, line: str) -> None:
    short = 1 - kind.probabilities(logits)[:, 0]
    end = int((short > 0).sum())
    axes.plot(gaps[:end], short[:end], color=color, ls=line, lw=1.4, label=kind.name)
    axes.plot(gaps[end - 1], short[end - 1], color=color, marker="o", ms=5)


def _log_odds(axes: Axes, formats: Sequence[Format], gaps: torch.Tensor) -> None:
    axes.plot(gaps, gaps, color=LOG_ODDS.color, lw=2)
    axes.set_title("log-odds, with the gaps from which p reads 1")
    axes.set_ylabel("log-odds of the top class")
    axes.set_ylim(0, _WIDEST)
    for kind, (color, line) in zip(formats, _LOOKS, strict=False):
        gap = kind.gap(2)
        axes.plot([gap, gap], [0, gap], color=color, ls=line, lw=1.2)
        axes.plot(gap, gap, color=color, marker="o", ms=5)
