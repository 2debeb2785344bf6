"""Claim C12: what stands before the softmax of other models ranks transfer better than what comes after it."""

from presoftmax.analysis.claims.claim import Measurement, Scope, claim, judged, not_measurable
from presoftmax.analysis.prediction import RULE, CriterionEvaluation, Evaluation, Gain, Strictness

__all__ = ["ranks_transfer"]

_KEY = ("all", "all", None)


@claim(
    "C12",
    title="a pre-softmax rule ranks transfer better than confidence, and than HET",
    value="area under the ROC curve of the rule minus the rival's, at a fixed source, attack, iteration and victim",
    threshold=0.0,
    rule="above 0",
    scope=Scope.STUDY,
    strict=True,
)
def ranks_transfer(evaluation: Evaluation) -> list[Measurement]:
    """C12, a row for each criterion of transfer and each rival."""
    return [
        _gained(each, gain) for each in evaluation.criteria for gain in each.gains if gain.strictness is Strictness.CELL
    ]


def _gained(found: CriterionEvaluation, gain: Gain) -> Measurement:
    # As many as can be told apart: of few that transfer nothing is concluded, however many do not.
    examples = found.transferred_images
    subject = f"{found.criterion}, against {gain.rival}"
    areas = {"rule": RULE, "rival": gain.rival}
    details = {what: found.area(name, Strictness.CELL) for what, name in areas.items()}
    if gain.value is None:
        why = "in no cell some examples transfer and some do not"
        return not_measurable("C12", _KEY, examples, why, None, None, details, subject=subject)
    bounds = None if gain.low is None or gain.high is None else (gain.low, gain.high)
    sentence = (
        f"Of two examples of the same source, attack and iteration the rule puts the one that transfers "
        f"({found.criterion}) first in {_area(details['rule'])} of all pairs, {gain.rival} in "
        f"{_area(details['rival'])}: {gain.value:+.2f} ({found.victims} victims, {found.images} images; surrogates are "
        "of other families than the victim)."
    )
    return judged("C12", _KEY, examples, gain.value, bounds, sentence, details, subject=subject)


def _area(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
