"""Log-odds against mpmath, and against the formulas written out."""

import dataclasses

import mpmath
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import presoftmax as ps
from presoftmax import numerics
from tests.conftest import Tiny, make_set

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


ADVERSARIAL = [
    [0.0, 1e6, 1e6 - 1e-3],
    [-1e6, 1e6],
    [1e6, 1e6, 1e6, -1e6],
    [16.64, 0.0],
    [700.0, 0.0, -700.0, 1.0],
    [1e-8, 0.0, -1e-8],
    [5.0] * 40 + [-745.0],
    [1e6 + i / 8 for i in range(20)],
]


@pytest.mark.parametrize("row", ADVERSARIAL, ids=lambda row: str(row[:2]))
def test_values_and_gradients_on_awkward_logits(row):
    for group in ({0}, {len(row) - 1}, set(range(len(row) // 2))):
        z = torch.tensor([row], dtype=torch.float64, requires_grad=True)
        value = numerics.group_log_odds(z, torch.tensor([sorted(group)]))
        exact = exact_group(row, group)
        # Where the log-odds are a small difference of larger terms, digits of the terms are lost, not of the result.
        assert abs(mpmath.mpf(value.item()) - exact) <= 1e-12 * abs(exact) + mpmath.mpf(2) ** -52
        gradient = torch.autograd.grad(value.sum(), z)[0][0].tolist()
        for i, got in enumerate(gradient):
            members = [k for k in range(len(row)) if (k in group) == (i in group)]
            share = mpmath.exp(mpmath.mpf(row[i])) / mpmath.fsum(mpmath.exp(mpmath.mpf(row[k])) for k in members)
            assert got == pytest.approx(float(share if i in group else -share), rel=1e-12, abs=1e-300)


@given(LOGITS)
def test_log_softmax_keeps_its_digits(row):
    logits = torch.tensor([row])
    row = logits[0].tolist()
    for i, got in enumerate(numerics.log_softmax(logits)[0].tolist()):
        others = mpmath.fsum(mpmath.exp(mpmath.mpf(z) - mpmath.mpf(row[i])) for k, z in enumerate(row) if k != i)
        exact = -mpmath.log1p(others)
        assert got == pytest.approx(float(exact), rel=1e-12, abs=1e-320)


def test_log_softmax_where_torch_returns_zero():
    logits = torch.tensor([[30.0, 0.0]], requires_grad=True)
    assert torch.log_softmax(logits, 1)[0, 0].item() == 0
    value = numerics.log_softmax(logits)[0, 0]
    assert value.item() == pytest.approx(-9.357622968840175e-14, rel=1e-12)
    gradient = torch.autograd.grad(value, logits)[0][0]
    assert gradient[0].item() == pytest.approx(9.357622968840175e-14, rel=1e-6)


INF, NAN = float("inf"), float("nan")


def same(got, expected):
    return (got != got and expected != expected) or got == expected


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ([1.0, 0.0, -INF], [1.0, -1.0, -INF]),
        ([-INF, 0.0], [-INF, INF]),
        ([INF, 0.0], [INF, -INF]),
        ([INF, INF, 0.0], [NAN, NAN, -INF]),
        ([NAN, 0.0], [NAN, NAN]),
        ([2.0], [INF]),
        ([3.0, 3.0], [0.0, 0.0]),
    ],
)
def test_values_that_are_not_finite(row, expected):
    for i, value in enumerate(expected):
        got = numerics.log_odds(torch.tensor([row]), torch.tensor([i])).item()
        assert same(got, value), (row, i, got)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ([INF, 0.0], [0.0, -INF]),
        ([INF, INF, 0.0], [NAN, NAN, NAN]),
        ([0.0, -INF], [0.0, -INF]),
        ([NAN, 0.0], [NAN, NAN]),
        ([2.0], [0.0]),
    ],
)
def test_log_softmax_of_values_that_are_not_finite(row, expected):
    got = numerics.log_softmax(torch.tensor([row]))[0].tolist()
    assert all(same(a, b) for a, b in zip(got, expected, strict=True)), got


def test_energy_and_margin_of_values_that_are_not_finite():
    rows = torch.tensor([[INF, 0.0], [-INF, 1.0], [-INF, -INF], [NAN, 0.0]])
    assert all(map(same, numerics.energy(rows).tolist(), [INF, 1.0, -INF, NAN]))
    assert all(map(same, numerics.margin(rows).tolist(), [INF, INF, NAN, NAN]))


def test_masked_classes_and_whole_groups_give_no_nan_gradient():
    z = torch.tensor([[1.0, 0.5, -INF]], requires_grad=True)
    gradient = torch.autograd.grad(numerics.log_odds(z).sum(), z)[0]
    assert gradient.tolist() == [[1.0, -1.0, 0.0]]
    whole = torch.tensor([[1.0, 0.5]], requires_grad=True)
    gradient = torch.autograd.grad(numerics.group_log_odds(whole, torch.tensor([[0, 1]])).sum(), whole)[0]
    assert gradient.isfinite().all()


def test_log_odds_can_be_the_objective_of_an_attack():
    photos = make_set(Tiny(), count=3)

    def objective(logits, goal):
        return numerics.log_odds(logits, goal.targets[:, 0])

    attack = dataclasses.replace(ps.attacks.over_optimized(60, 0.3), objective=objective)
    end = ps.trace(attack, Tiny(), photos).steps.filter(iteration=60)
    assert end["log_odds"].min() > 3
    assert [row["predicted"] for row in end.iter_rows(named=True)] == [row[0] for row in end["targets"]]
