"""The page and the figure of an audit."""

from typing import Any

from torch import Tensor

from presoftmax.report.figures import audit_figure, save
from presoftmax.report.html import data_uri, render
from presoftmax.scores import Trust
from presoftmax.storage import RunFolder, replace_text
from presoftmax.text import no_minus_zero, printable

__all__ = ["audit_sentences", "write_audit"]


def audit_sentences(model: str, trust: Trust) -> tuple[str, ...]:
    """What was found, in plain sentences made from the numbers."""
    one = trust.exactly_one
    right = f", {_percent(trust.accuracy)} of them classified correctly" if trust.accuracy is not None else ""
    return (
        f"{printable(model)} on {trust.images} natural images{right}: the confidence of {_percent(one['2 decimals'])} "
        f"prints as 1.00; that of {_percent(one['float16'])} is exactly 1 in float16, that of "
        f"{_percent(one['float32'])} in float32.",
        _gradient_sentence(trust),
        _range_sentence(trust),
    )


def _gradient_sentence(trust: Trust) -> str:
    if trust.gradient_zero_in_top == 0:
        return (
            "The float32 cross-entropy has a gradient in the top logit on every one of them, so a gradient attack on "
            "it starts as it should."
        )
    return (
        f"On {_percent(trust.gradient_zero_in_top)} the float32 cross-entropy has a gradient of exactly 0 in the top "
        f"logit, and on {_percent(trust.gradient_zero)} in every logit: there a gradient attack on it fails silently, "
        "and the model looks more robust than it is."
    )


def _range_sentence(trust: Trust) -> str:
    ca1, odds = trust.ranges["ca1"], trust.ranges["log_odds"]
    return no_minus_zero(
        f"CA1 lies between {ca1['0']:.1f} and {ca1['1']:.1f} (median {ca1['0.5']:.1f}), the log-odds of the top class "
        f"between {odds['0']:.1f} and {odds['1']:.1f}. An example with a CA1 above {ca1['1']:.1f} is beyond every "
        "image seen here."
    )


def write_audit(folder: RunFolder, logits: Tensor, summary: dict[str, Any], sentences: tuple[str, ...]) -> None:
    """Write ``figures/natural.png`` and ``.svg`` and ``audit.html``."""
    stem = folder.path / "figures" / "natural"
    figure = data_uri(save(audit_figure(summary["model"], logits), stem))
    page = render("audit.html.j2", summary=summary, sentences=sentences, figure=figure)
    replace_text(folder.path / "audit.html", page)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if 0 < share < 0.1 else f"{100 * share:.0f} %"
