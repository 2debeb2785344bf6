"""Natural images: what confidence makes of them, and what CA1 and the log-odds do."""

from matplotlib.figure import Figure
from torch import Tensor

from presoftmax import numerics
from presoftmax.numerics import FORMATS
from presoftmax.report.figures.style import CONFIDENCE, LOG_ODDS, LOGIT, Quantity, shown, styled

__all__ = ["audit_figure"]

_BINS = 40
# Room above the bars for what the marked lines say, as a share of the height of the axes.
_LABELS = 0.3
_MARKED = ("2 decimals", "float16", "float32")


def audit_figure(model: str, logits: Tensor) -> Figure:
    """Histograms of confidence, CA1 and log-odds of natural logits ``(N, M)``; marked: where formats call it 1."""
    z = logits[logits.isfinite().all(dim=1)].float().cpu()
    panels: tuple[tuple[Quantity, Tensor], ...] = (
        (CONFIDENCE, numerics.confidence(z)),
        (LOGIT, z.amax(dim=1)),
        (LOG_ODDS, numerics.log_odds(z)),
    )
    with styled():
        figure = Figure(figsize=(11, 3.4), layout="constrained")
        figure.suptitle(f"{shown(model, 80)} on {len(z)} natural images", fontsize=11)
        for axes, (quantity, values) in zip(figure.subplots(1, 3), panels, strict=True):
            axes.hist(values.numpy(), bins=min(_BINS, max(5, len(z) // 4)), color=quantity.color, alpha=0.85)
            axes.set_xlabel(quantity.label)
            axes.set_ylabel("images")
        axes.set_ylim(0, axes.get_ylim()[1] / (1 - _LABELS))
        for kind in FORMATS:
            if kind.name in _MARKED:
                axes.axvline(kind.log_odds, color="#555555", lw=1, ls=":")
                axes.text(
                    kind.log_odds, 0.97, f" 1 in {kind.name}", rotation=90, va="top", fontsize=7,
                    transform=axes.get_xaxis_transform(),
                )  # fmt: skip
    return figure
