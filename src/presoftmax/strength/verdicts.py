"""In words, what an adversarial example is worth: a level of strength, and marks beside it that are no levels."""

from dataclasses import dataclass
from typing import Any

from presoftmax.tables import NOT_FINITE
from presoftmax.text import no_minus_zero

__all__ = ["BARELY", "DEEPLY", "LEVELS", "LOOKS_WEAK", "Verdict", "level_of", "verdict"]

BARELY = 2.2
"""Misclassification log-odds below which an example barely crosses: the true class still has a tenth of the mass."""
DEEPLY = 16.6
"""From here it crosses deeply: 24 log 2, where a float32 softmax leaves the true class exactly nothing, so that
confidence can say no more. How much more transfers from there on is measured in ``results/levels.md``."""
LOOKS_WEAK = 0.9
"""Confidence below which a reader would call an example weak."""

WRONG_BEFORE, NOT_ADVERSARIAL, NOT_AFTER_SAVING = (
    "wrong before the attack",
    "not adversarial",
    "not adversarial after saving",
)
LEVELS = (WRONG_BEFORE, NOT_ADVERSARIAL, NOT_AFTER_SAVING, "barely crosses", "crosses", "crosses deeply")
"""Every level. Only the last three are adversarial examples; shares and ranks are of these."""


@dataclass(frozen=True)
class Verdict:
    """What is said of one example.

    Attributes:
        level: one of `LEVELS`.
        over_optimized: an adversarial example with a logit beyond any natural image's.
        disguised: one of these that looks weak by its confidence.
        because: why, in a sentence.
    """

    level: str
    over_optimized: bool
    disguised: bool
    because: str

    @property
    def adversarial(self) -> bool:
        """Whether it is an adversarial example, as the 8-bit image that is saved."""
        return self.level in LEVELS[3:]


def level_of(log_odds: float) -> str:
    """The level of an adversarial example, by its misclassification log-odds."""
    barely, crosses, deeply = LEVELS[3:]
    return barely if log_odds < BARELY else crosses if log_odds < DEEPLY else deeply


def verdict(row: dict[str, Any]) -> Verdict:
    """The verdict on one example.

    Args:
        row: of the table of `measure`.
    """
    level, why = _level(row)
    if level not in LEVELS[3:]:
        return Verdict(level, False, False, why)
    beyond = row["ca1"] > row["largest_natural_ca1"]
    weak = beyond and row["confidence"] < LOOKS_WEAK
    return Verdict(level, beyond, weak, "; ".join((why, *_marks(row, beyond, weak))))


def _level(row: dict[str, Any]) -> tuple[str, str]:
    if row["predicted_clean"] != row["label"]:
        return WRONG_BEFORE, "the source is wrong about the clean image too"
    if row["predicted"] == NOT_FINITE:
        return NOT_ADVERSARIAL, "the source's logits are not finite there: it predicts nothing"
    if not row["fooled"] and not row["fooled_as_given"]:
        return NOT_ADVERSARIAL, "the source still predicts the true class"
    if not row["fooled"]:
        return NOT_AFTER_SAVING, "it fools the source only off the 8-bit lattice; rounded, it does not"
    odds = row["misclassification_log_odds"]
    level = level_of(odds)
    deep = no_minus_zero(f"log-odds {odds:.1f} against the true class")
    return level, deep if odds >= DEEPLY else f"the true class keeps {_share(row['true_probability'])} of the mass"


def _marks(row: dict[str, Any], beyond: bool, weak: bool) -> list[str]:
    most = f"{row['largest_natural_ca1']:.1f}, the most of {row['natural_images']} natural images"
    found = [f"over-optimized: CA1 {row['ca1']:.1f} is beyond {most}"] if beyond else []
    if weak:
        found.append(
            f"disguised: looks weak at {row['confidence']:.2f}, group log-odds {row['best_group_log_odds']:.0f}"
        )
    return found


def _share(probability: float) -> str:
    """A share of the mass in words that never round to nothing."""
    return f"{100 * probability:.0f} %" if probability >= 0.01 else f"{probability:.1g}"
