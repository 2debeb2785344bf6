"""Every verdict by a row on each side of its bounds."""

import pytest

from presoftmax.strength import VERDICTS, verdict

# Fooled for good, surely, and no higher than natural images go.
TYPICAL = {
    "predicted": 3,
    "fooled_as_given": True,
    "fooled": True,
    "ca1": 20.0,
    "largest_natural_ca1": 20.0,
    "natural_images": 50,
    "confidence": 0.95,
    "misclassification_log_odds": 2.2,
    "true_probability": 0.09975,
    "best_group_log_odds": 7.4,
}
BEYOND = {"ca1": 20.25}

ROWS = (
    ("typical", {}),
    ("typical", {"ca1": -3.0, "misclassification_log_odds": 700.0, "confidence": 0.1}),
    ("not adversarial", {"fooled_as_given": False, "fooled": False}),
    ("not adversarial", {"fooled_as_given": False, "fooled": False, **BEYOND}),
    ("not adversarial", {"predicted": -1, "fooled_as_given": False, "fooled": False}),
    ("typical", {"fooled_as_given": False}),
    ("not adversarial after saving", {"fooled": False}),
    (
        "not adversarial after saving",
        {"fooled": False, "confidence": 0.5, "misclassification_log_odds": -1.0, **BEYOND},
    ),
    ("barely crosses", {"misclassification_log_odds": 2.1999}),
    ("barely crosses", {"misclassification_log_odds": 0.001, "confidence": 0.3}),
    ("over-optimized", BEYOND),
    ("over-optimized", {"ca1": 20.0001, "misclassification_log_odds": 0.1}),
    ("over-optimized", {"confidence": 0.9, **BEYOND}),
    ("disguised", {"confidence": 0.8999, **BEYOND}),
    ("disguised", {"confidence": 0.5, "misclassification_log_odds": 0.1, **BEYOND}),
)

BECAUSE = {
    "not adversarial": "the source still predicts the true class",
    "not adversarial after saving": "it fools the source only off the 8-bit lattice; rounded, it does not",
    "barely crosses": "the true class still has 10 % of the mass",
    "typical": "CA1 20.0 is in the natural range (up to 20.0, the most of 50 natural images)",
    "over-optimized": "CA1 20.2 is beyond 20.0, the most of 50 natural images",
    "disguised": "looks weak at 0.90; CA1 20.2 is beyond 20.0, the most of 50 natural images; group log-odds 7",
}


@pytest.mark.parametrize(("kind", "changes"), ROWS)
def test_the_verdict(kind, changes):
    assert verdict(TYPICAL | changes)[0] == kind


@pytest.mark.parametrize("kind", VERDICTS)
def test_the_reason_given(kind):
    changes = next(changes for each, changes in ROWS if each == kind)
    assert verdict(TYPICAL | changes) == (kind, BECAUSE[kind])


def test_what_is_not_finite_predicts_nothing():
    row = TYPICAL | {"predicted": -1, "fooled_as_given": False, "fooled": False}
    assert verdict(row)[1] == "the source's logits are not finite there: it predicts nothing"


def test_every_verdict_has_its_rows():
    kinds = [kind for kind, _ in ROWS]
    assert set(kinds) == set(BECAUSE) == set(VERDICTS)
    assert min(map(kinds.count, VERDICTS)) >= 2
