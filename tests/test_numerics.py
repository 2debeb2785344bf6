"""Log-odds against mpmath, and against the formulas written out."""

import mpmath
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from presoftmax import numerics

mpmath.mp.dps = 60
LOGITS = st.lists(st.floats(-300, 300, width=32), min_size=2, max_size=8)


def exact_group(row, group):
    inside = mpmath.fsum(mpmath.exp(mpmath.mpf(z)) for i, z in enumerate(row) if i in group)
    outside = mpmath.fsum(mpmath.exp(mpmath.mpf(z)) for i, z in enumerate(row) if i not in group)
    return mpmath.log(inside) - mpmath.log(outside)


@given(LOGITS, st.data())
def test_group_log_odds_is_exact(row, data):
    group = data.draw(st.sets(st.integers(0, len(row) - 1), min_size=1, max_size=len(row) - 1))
    got = numerics.group_log_odds(torch.tensor([row]), torch.tensor([sorted(group)])).item()
    assert got == pytest.approx(float(exact_group(row, group)), rel=1e-12, abs=1e-12)


@given(LOGITS)
def test_log_odds_of_the_top_class_and_margin(row):
    logits = torch.tensor([row])
    top = int(logits.argmax())
    assert numerics.log_odds(logits).item() == pytest.approx(float(exact_group(row, {top})), rel=1e-12, abs=1e-12)
    first, second = sorted(map(float, logits[0].double()), reverse=True)[:2]
    assert numerics.margin(logits).item() == first - second
    expected = float(mpmath.log(mpmath.fsum(mpmath.exp(mpmath.mpf(float(z))) for z in logits[0].double())))
    assert numerics.logsumexp(logits).item() == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_log_odds_goes_on_where_confidence_has_stopped():
    logits = torch.tensor([[20.0, 0, 0], [60.0, 0, 0], [4000.0, 0, 0]])
    assert numerics.confidence(logits).tolist() == [1.0, 1.0, 1.0]
    odds = numerics.log_odds(logits)
    assert odds.dtype == torch.float64
    assert odds.tolist() == pytest.approx([z - float(mpmath.log(2)) for z in (20, 60, 4000)], rel=1e-12)


def test_group_log_odds_unmasks_two_classes():
    logits = torch.tensor([[523.0, 522.7, 14.0]])
    assert numerics.confidence(logits).item() == pytest.approx(0.574, abs=1e-3)
    assert numerics.log_odds(logits).item() < 0.4
    assert numerics.group_log_odds(logits, torch.tensor([[0, 1]])).item() > 509


def test_misclassification_log_odds_cannot_be_masked_by_splitting():
    one = torch.tensor([[0.0, 10.0, -50, -50]])
    split = torch.tensor([[0.0, 10.0 - float(mpmath.log(2)), 10.0 - float(mpmath.log(2)), -50]])
    label = torch.tensor([0])
    values = [numerics.misclassification_log_odds(z, label).item() for z in (one, split)]
    assert values[0] == pytest.approx(values[1], abs=1e-5)
    assert values[0] == pytest.approx(10, abs=1e-5)


def test_everything_nothing_and_a_single_class():
    logits = torch.tensor([[1.0, 2.0]])
    assert numerics.group_log_odds(logits, torch.tensor([[0, 1]])).item() == float("inf")
    assert numerics.group_log_odds(logits, torch.zeros((1, 0), dtype=torch.int64)).item() == float("-inf")
    assert numerics.margin(torch.tensor([[3.0]])).item() == float("inf")
    assert numerics.log_odds(torch.tensor([[3.0]])).item() == float("inf")


def test_a_constant_does_not_matter_and_batches_equal_single_rows():
    logits = torch.randn(6, 9, generator=torch.Generator().manual_seed(0)) * 30
    labels = torch.arange(6)
    for function in (
        numerics.log_odds,
        numerics.margin,
        lambda z: numerics.misclassification_log_odds(z, labels[: len(z)]),
    ):
        torch.testing.assert_close(function(logits.double() + 1024), function(logits), rtol=1e-9, atol=1e-9)
    whole = numerics.log_odds(logits)
    assert whole.tolist() == [numerics.log_odds(row[None]).item() for row in logits]
