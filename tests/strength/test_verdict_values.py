"""Every level and every mark by a row on each side of its bounds."""

import pytest

from presoftmax.strength import BARELY, DEEPLY, LEVELS, verdict

# Fooled for good, surely, and no higher than natural images go.
CROSSES = {
    "label": 1,
    "predicted_clean": 1,
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
WRONG, NOT, SAVED, BARELY_, CROSS, DEEP = LEVELS

ROWS = (
    (WRONG, {"predicted_clean": 2}),
    (WRONG, {"predicted_clean": 2, "misclassification_log_odds": 50.0, **BEYOND}),
    (WRONG, {"predicted_clean": -1, "predicted": -1}),
    (NOT, {"fooled_as_given": False, "fooled": False}),
    (NOT, {"fooled_as_given": False, "fooled": False, "misclassification_log_odds": 3.0, **BEYOND}),
    (NOT, {"predicted": -1, "fooled_as_given": False, "fooled": False}),
    (SAVED, {"fooled": False}),
    (SAVED, {"fooled": False, "confidence": 0.5, "misclassification_log_odds": -1.0, **BEYOND}),
    (BARELY_, {"misclassification_log_odds": 2.1999}),
    (BARELY_, {"misclassification_log_odds": 0.001, "confidence": 0.3, **BEYOND}),
    (CROSS, {}),
    (CROSS, {"fooled_as_given": False}),
    (CROSS, {"misclassification_log_odds": 16.5999, "ca1": -3.0}),
    (DEEP, {"misclassification_log_odds": 16.6}),
    (DEEP, {"misclassification_log_odds": 700.0, "confidence": 0.1, "ca1": -3.0}),
)

BECAUSE = {
    WRONG: "the source is wrong about the clean image too",
    NOT: "the source still predicts the true class",
    SAVED: "it fools the source only off the 8-bit lattice; rounded, it does not",
    BARELY_: "the true class keeps 10 % of the mass",
    CROSS: "the true class keeps 10 % of the mass",
    DEEP: "log-odds 16.6 against the true class",
}


@pytest.mark.parametrize(("level", "changes"), ROWS)
def test_the_level(level, changes):
    found = verdict(CROSSES | changes)
    assert found.level == level
    assert found.adversarial == (level in LEVELS[3:])


@pytest.mark.parametrize("level", LEVELS)
def test_the_reason_given(level):
    changes = next(changes for each, changes in ROWS if each == level)
    assert verdict(CROSSES | changes).because == BECAUSE[level]


def test_levels_of_adversarial_examples_follow_the_ranking():
    levels = [verdict(CROSSES | {"misclassification_log_odds": odds}).level for odds in (0.1, 2, 3, 16, 17, 80)]
    assert levels == sorted(levels, key=LEVELS.index)
    assert BARELY < DEEPLY


@pytest.mark.parametrize(
    ("over", "hidden", "changes"),
    [
        (False, False, {}),
        (False, False, {"confidence": 0.3}),
        (True, False, BEYOND),
        (True, False, {"ca1": 20.0001, "misclassification_log_odds": 0.1}),
        (True, False, {"confidence": 0.9, **BEYOND}),
        (True, True, {"confidence": 0.8999, **BEYOND}),
        (False, False, {"fooled": False, "confidence": 0.5, **BEYOND}),
        (False, False, {"predicted_clean": 2, "confidence": 0.5, **BEYOND}),
    ],
)
def test_marks_are_of_adversarial_examples_at_any_level(over, hidden, changes):
    found = verdict(CROSSES | changes)
    assert (found.over_optimized, found.disguised) == (over, hidden)
    assert ("over-optimized: CA1 20.2 is beyond 20.0, the most of 50 natural images" in found.because) == (
        over and changes["ca1"] == 20.25
    )
    assert ("disguised: looks weak at 0.90, group log-odds 7" in found.because) == hidden


@pytest.mark.parametrize(("probability", "words"), [(0.0999, "10 %"), (0.004, "0.004"), (1.2e-9, "1e-09")])
def test_a_small_share_is_never_nothing(probability, words):
    assert f"keeps {words} of the mass" in verdict(CROSSES | {"true_probability": probability}).because


def test_what_is_not_finite_predicts_nothing():
    row = CROSSES | {"predicted": -1, "fooled_as_given": False, "fooled": False}
    assert verdict(row).because == "the source's logits are not finite there: it predicts nothing"
