"""The numbers of a paper, by hand; which examples are shown first."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from presoftmax.analysis import Median, Share, most_disguised, summarize_judged, telling_pair
from presoftmax.strength import LEVELS


def strength(rows, expected=None):
    """(level, confidence, log-odds, ca1, disguised, l2)"""
    return pl.DataFrame(
        [
            {
                "example": f"e{i}", "label": 0, "predicted_clean": int(level == LEVELS[0]), "verdict": level,
                "adversarial": level in LEVELS[3:], "confidence": confidence, "misclassification_log_odds": odds,
                "ca1": ca1, "over_optimized": ca1 > 20, "disguised": hidden, "l2": l2, "natural_images": 50,
                "expected_transfer": expected and expected[i],
            }
            for i, (level, confidence, odds, ca1, hidden, l2) in enumerate(rows)
        ]
    )  # fmt: skip


ROWS = [
    (LEVELS[0], 0.99, 30.0, 40.0, False, 1.0),
    (LEVELS[1], 0.99, -5.0, 9.0, False, 1.0),
    (LEVELS[3], 0.50, 1.0, 9.0, False, 1.0),
    (LEVELS[4], 0.999, 9.0, 15.0, False, 2.0),
    (LEVELS[5], 1.0, 50.0, 45.0, False, 3.0),
    (LEVELS[5], 0.60, 30.0, 30.0, True, 3.0),
]


def test_the_summary_is_of_adversarial_examples_alone():
    table = strength(ROWS)
    transfers = pl.DataFrame(
        {"example": table["example"], "victim": ["v"] * 6, "misclassified": [True, True, False, False, True, True]}
    )
    natural = pl.DataFrame(
        {"example": table["example"], "model": ["v"] * 6, "label": [0] * 6, "predicted": [0, 0, 0, 0, 0, 1]}
    )
    survival = pl.DataFrame(
        {"example": table["example"], "distortion": ["png"] * 6, "fooled": [True, True, False, True, True, True]}
    )
    found = summarize_judged("net", LEVELS, table, transfers, survival, natural)
    assert found.expected_transfer is None
    assert found.ranks_transfer == {}
    asked = summarize_judged(
        "net", LEVELS, strength(ROWS, [9.0, 9.0, 1.0, 2.0, 4.0, 3.0]), transfers, survival, natural
    )
    assert asked.expected_transfer.value == 2.5
    # Of the four, the last two fool v: all four pairs are right by the first two, by the confidence two of four.
    areas = {"expected transfer": 1.0, "log-odds": 1.0, "confidence": 0.75}
    assert (asked.ranks_transfer["v"].areas, asked.ranks_transfer["v"].examples) == (areas, 4)
    assert "1.00 by expected transfer" in dict(asked.lines())["what fools v is ranked"]
    assert (found.survival["png"].hits, found.survival["png"].of) == (3, 4)
    assert (found.images, found.wrong_before) == (6, 1)
    assert (found.adversarial.hits, found.adversarial.of) == (4, 5)
    assert found.misclassification_log_odds.value == 19.5
    assert (found.beyond_natural.hits, found.disguised.hits, found.disguised.of) == (2, 1, 4)
    assert (found.transfer["v"].all.hits, found.transfer["v"].all.of) == (2, 4)
    assert (found.transfer["v"].right_before.hits, found.transfer["v"].right_before.of) == (1, 3)
    assert (found.confidence_one.hits, found.confidence.value) == (1, pytest.approx((0.999 + 0.6) / 2))
    assert found.levels == dict(zip(LEVELS, (1, 1, 0, 1, 1, 2), strict=True))
    text = dict(found.lines())
    assert list(text)[-1] == "confidence, median"
    assert text["fools v, which was right before"].endswith("(1 of 3)")


def test_nothing_adversarial_is_told_of_in_words():
    table = strength(ROWS[:2])
    empty = pl.DataFrame(schema={"example": pl.String, "victim": pl.String, "misclassified": pl.Boolean})
    natural = pl.DataFrame(schema={"example": pl.String, "model": pl.String, "label": pl.Int32, "predicted": pl.Int32})
    survival = pl.DataFrame({"example": table["example"], "distortion": ["png"] * 2, "fooled": [True, False]})
    found = summarize_judged("net", LEVELS, table, empty, survival, natural)
    assert (found.survival["png"].value, found.survival["png"].of) == (None, 0)
    assert found.misclassification_log_odds.value is None
    assert dict(found.lines())["disguised"] == "none to tell of"
    assert telling_pair(table) is None
    assert most_disguised(table) is None


def test_shares_have_wilsons_interval():
    found = Share.count(pl.Series([True] * 2 + [False] * 8))
    assert (found.low, found.high) == (pytest.approx(0.0567, abs=1e-4), pytest.approx(0.5098, abs=1e-4))
    assert str(found) == "20 % [6, 51] (2 of 10)"
    assert str(Share.count(pl.Series([True, True, None, False]))) == "67 % [21, 94] (2 of 3)"
    assert Share.count(pl.Series([], dtype=pl.Boolean)).value is None


@given(st.lists(st.booleans(), min_size=1, max_size=60))
def test_the_interval_holds_the_share_and_has_a_width(flags):
    found = Share.count(pl.Series(flags))
    assert 0 <= found.low <= found.value + 1e-12
    assert found.value - 1e-12 <= found.high <= 1
    assert found.high - found.low > 0


def test_medians_are_of_what_is_finite():
    found = Median.of(pl.Series([1.0, 2.0, 3.0, float("nan"), None, float("inf")]))
    assert found.value == 2
    assert 1 <= found.low <= 2 <= found.high <= 3
    assert Median.of(pl.Series([4.0])) == Median(4.0, None, None)
    assert Median.of(pl.Series([], dtype=pl.Float64)).text(1) == "none to tell of"


def test_the_telling_pair_prints_alike_and_is_far_apart():
    rows = [
        (LEVELS[5], 0.999, 20.0, 21.0, False, 5.0),
        (LEVELS[4], 0.998, 6.0, 10.0, False, 9.0),
        (LEVELS[4], 0.998, 7.0, 10.5, False, 1.0),
        (LEVELS[5], 0.997, 60.0, 55.0, False, 8.0),
        (LEVELS[5], 1.0, 58.0, 54.0, False, 2.0),
        (LEVELS[5], 0.6, 90.0, 90.0, True, 2.0),
        (LEVELS[0], 1.0, 99.0, 99.0, False, 0.1),
    ]
    assert telling_pair(strength(rows)) == ("e2", "e4"), "of the weakest and the strongest, those changed least"
    assert telling_pair(strength(rows[:1])) is None
    assert telling_pair(strength([rows[0], rows[0]])) is None
    assert telling_pair(strength([rows[0], rows[5]])) is None, "no two read alike"


def test_the_most_disguised_looks_weakest():
    rows = [(LEVELS[5], c, 30.0, 30.0, c < 0.9, 1.0) for c in (0.95, 0.7, 0.57, 0.8)]
    assert most_disguised(strength(rows)) == "e2"
