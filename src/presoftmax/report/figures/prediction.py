"""How well transfer can be told: of those put first, how many transfer; and whether a probability is a share."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from presoftmax.analysis.prediction import CEILING, FITTED, HET, HET_TARGETS, RULE, CriterionEvaluation, Evaluation
from presoftmax.report.figures.style import CONFIDENCE, LOG_ODDS, LOGIT, styled

__all__ = ["at_k_figure", "reliability_figure"]

_PANEL = (4.8, 3.8)
_LOOKS = {
    RULE: (LOG_ODDS.color, "-", "the rule (surrogates and copies)"),
    FITTED: ("#CC79A7", "-", "fitted, all left out"),
    list(HET)[1]: ("#E69F00", "--", "HET: mean 1 - p(true class)"),
    HET_TARGETS: ("#E69F00", ":", "HET: mean p(targets)"),
    "ca1": (LOGIT.color, "-.", "largest logit CA1"),
    "confidence": (CONFIDENCE.color, "--", "softmax confidence"),
    CEILING: ("#888888", "-", "ceiling: fitted to this victim"),
}
_TITLES = {"misclassified": "fooled at all", "targeted": "taken for a target"}


def at_k_figure(evaluation: Evaluation) -> Figure:
    """Transferability at k, a panel for each criterion."""
    with styled():
        figure, panels = _panels(evaluation)
        for panel, found in zip(panels, evaluation.criteria, strict=True):
            _at_k(panel, found)
        handles, labels = panels[-1].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


def reliability_figure(evaluation: Evaluation) -> Figure:
    """Predicted probability against what transferred, in tenths, a panel for each criterion."""
    with styled():
        figure, panels = _panels(evaluation)
        for panel, found in zip(panels, evaluation.criteria, strict=True):
            panel.plot([0, 100], [0, 100], color="#888888", lw=0.9, ls=":", label="perfectly calibrated")
            x = [100 * each.predicted for each in found.reliability]
            y = [100 * each.observed for each in found.reliability]
            panel.plot(x, y, color="#CC79A7", marker="o", ms=4, label="fitted, all left out")
            error = "" if found.calibration_error is None else f", error {100 * found.calibration_error:.0f} points"
            panel.set(title=f"{_TITLES[found.criterion]}{error}", xlim=(0, 100), ylim=(0, 100))
            panel.set(xlabel="predicted probability (%)", ylabel="transferred (%)")
            panel.legend(loc="upper left")
    return figure


def _panels(evaluation: Evaluation) -> tuple[Figure, list[Axes]]:
    count = len(evaluation.criteria)
    figure = Figure(figsize=(_PANEL[0] * count, _PANEL[1] + 0.4), layout="constrained")
    return figure, list(figure.subplots(1, count, squeeze=False).ravel())


def _at_k(panel: Axes, found: CriterionEvaluation) -> None:
    for name, (color, line, label) in _LOOKS.items():
        points = found.at_k.get(name, ())
        if points:
            shares, values = [100 * each.share for each in points], [100 * each.value for each in points]
            panel.plot(shares, values, color=color, ls=line, label=label)
    bounds = found.at_k.get(RULE, ())
    if bounds:
        shares = [100 * each.share for each in bounds]
        panel.plot(
            shares, [100 * each.bound for each in bounds], color="#000000", lw=0.9, ls=":", label="best possible"
        )
        panel.plot(shares, [100 * each.random for each in bounds], color="#000000", lw=0.9, ls="--", label="at random")
    panel.set(title=_TITLES[found.criterion], xscale="log", ylim=(0, 102))
    panel.set(xlabel="k: share of the examples put first (%)", ylabel="of these, transferred (%)")
    panel.set_xticks([1, 2, 5, 10, 20, 50, 100], ["1", "2", "5", "10", "20", "50", "100"])
