"""Thresholds found by search, against the derivation where the order of summation cannot matter."""

import math

import pytest
import torch

from presoftmax.numerics import FORMATS, gradient_errors, saturation_table
from presoftmax.numerics.saturation import _first_gap

TWO = {row.format: row for row in saturation_table([2])}


@pytest.mark.parametrize(
    ("name", "log_odds"),
    [
        ("2 decimals", 5.29),
        ("4 decimals", 9.90),
        ("bfloat16", 6.24),
        ("float16", 8.32),
        ("float32", 16.64),
        ("float64", 36.74),
    ],
)
def test_two_classes_saturate_where_derived(name, log_odds):
    row = TWO[name]
    assert row.log_odds_derived == pytest.approx(log_odds, abs=0.005)
    assert row.gap_derived == row.log_odds_derived
    assert row.gap_measured == pytest.approx(log_odds, abs=0.01)
    assert row.reason == ""


@pytest.mark.parametrize("kind", FORMATS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("classes", [2, 10, 1000])
def test_the_probability_is_one_from_the_measured_gap_on_and_not_just_below(kind, classes):
    row = saturation_table([classes], formats=[kind])[0]
    gaps = [row.gap_measured + 1e-5, row.gap_measured + 0.3, row.gap_measured + 40, row.gap_measured - 1e-4]
    logits = torch.zeros(len(gaps), classes, dtype=torch.float64)
    logits[:, 0] = torch.tensor(gaps, dtype=torch.float64)
    assert (kind.probabilities(logits)[:, 0] == 1).tolist() == [True, True, True, False]
    # Whatever the order of summation, a sum of n terms is off by no more than n roundings.
    assert row.gap_measured <= row.gap_derived + 0.05
    if row.reason == "":
        assert row.gap_measured == pytest.approx(row.gap_derived, abs=0.005)


def test_rivals_stay_above_zero_long_after_the_top_is_one():
    for name in ("bfloat16", "float16", "float32", "float64"):
        assert TWO[name].rivals_zero > TWO[name].gap_measured + 8
    assert 87 < TWO["float32"].rivals_zero < 105


def test_the_cross_entropy_gradient_of_the_top_logit_vanishes_with_the_probability():
    assert TWO["float32"].gradient_zero == pytest.approx(16.64, abs=0.1)
    assert TWO["2 decimals"].gradient_zero is None


def test_gradient_errors_grow_to_one():
    early, late, gone = gradient_errors([5, 16.65, 50])
    assert early.relative_error < 1e-4
    assert (late.float32, late.relative_error) == (0, 1)
    assert gone.rival_float32 > 0
    assert gone.exact == pytest.approx(-1 / (1 + math.exp(50)))


def test_the_search_is_not_misled_by_a_condition_that_flickers():
    def holds(gaps):
        return (gaps >= 7) | ((gaps > 5) & (gaps < 6))

    assert _first_gap(holds) == pytest.approx(7, abs=1e-5)
    assert _first_gap(lambda gaps: gaps < 0) == math.inf
    assert _first_gap(lambda gaps: gaps >= 0) == 0


def test_a_single_class_is_refused():
    with pytest.raises(ValueError, match="at least 2 classes"):
        saturation_table([1])
