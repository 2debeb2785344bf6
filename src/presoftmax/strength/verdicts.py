"""In words, what an adversarial example is worth."""

from typing import Any

from presoftmax.tables import NOT_FINITE

__all__ = ["BARELY", "LOOKS_WEAK", "VERDICTS", "verdict"]

BARELY = 2.2
"""Misclassification log-odds below which an example barely crosses: the true class still has a tenth of the mass."""
LOOKS_WEAK = 0.9
"""Confidence below which a reader would call an example weak."""

VERDICTS = (
    "not adversarial",
    "not adversarial after saving",
    "barely crosses",
    "typical",
    "over-optimized",
    "disguised",
)
"""Every verdict; the numbers behind them are in `verdict`."""


def verdict(row: dict[str, Any]) -> tuple[str, str]:
    """One of `VERDICTS`, and a sentence.

    Args:
        row: of the table of `measure`.
    """
    if row["predicted"] == NOT_FINITE:
        return "not adversarial", "the source's logits are not finite there: it predicts nothing"
    if not row["fooled"] and not row["fooled_as_given"]:
        return "not adversarial", "the source still predicts the true class"
    if not row["fooled"]:
        return "not adversarial after saving", "it fools the source only off the 8-bit lattice; rounded, it does not"
    beyond = row["ca1"] > row["largest_natural_ca1"]
    most = f"{row['largest_natural_ca1']:.1f}, the most of {row['natural_images']} natural images"
    if beyond and row["confidence"] < LOOKS_WEAK:
        return "disguised", (
            f"looks weak at {row['confidence']:.2f}; CA1 {row['ca1']:.1f} is beyond {most}; group log-odds "
            f"{row['best_group_log_odds']:.0f}"
        )
    if beyond:
        return "over-optimized", f"CA1 {row['ca1']:.1f} is beyond {most}"
    if row["misclassification_log_odds"] < BARELY:
        return "barely crosses", f"the true class still has {100 * row['true_probability']:.0f} % of the mass"
    return "typical", f"CA1 {row['ca1']:.1f} is in the natural range (up to {most})"
