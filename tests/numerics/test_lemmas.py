"""The paper's lemmas: where they hold, where they fail, and the exact law, in every format."""

from decimal import Decimal
from fractions import Fraction

import mpmath
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from presoftmax.numerics import (
    COUNTEREXAMPLE,
    FORMATS,
    lemma_2_2_instances,
    printed_softmax,
    stays_saturated,
    top_probability_falls,
    top_probability_falls_for_one_rival,
)

mpmath.mp.dps = 60
VALUE = st.floats(-20, 20, width=32)
RISE = st.floats(0, 10, width=32)


def top_probability(logits, at):
    """To 60 digits, of logits that are exact fractions."""
    exact = [mpmath.mpf(Fraction(z).numerator) / Fraction(z).denominator for z in logits]
    return mpmath.exp(exact[at]) / mpmath.fsum(map(mpmath.exp, exact))


@given(st.lists(VALUE, min_size=2, max_size=6), st.sampled_from([2, 4, 6]), st.floats(0, 30), RISE)
def test_lemma_2_1_holds_for_printed_decimals(rivals, decimals, extra, increase):
    logits = [*rivals, max(rivals) + 15 + extra]
    assume(printed_softmax(logits, decimals)[-1] == 1)
    assert stays_saturated(logits, decimals, increase)


def test_lemma_2_1_needs_a_saturated_top():
    with pytest.raises(ValueError, match=r"prints as 0\.99, not as 1"):
        stays_saturated([5.0, 0.0], 2, 1.0)
    assert printed_softmax([6.0, 0.0], 2) == [Decimal("1.00"), Decimal("0.00")]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
@given(extra=st.floats(0.1, 6))
def test_lemma_2_1_in_ieee_formats_the_top_is_one_but_the_rivals_are_not_zero(dtype, extra):
    kind = next(kind for kind in FORMATS if kind.kernel == kind.stored == dtype and kind.decimals is None)
    gap = kind.gap(2) + extra
    first, second = kind.probabilities(torch.tensor([[gap, 0.0], [gap + 1, 0.0]], dtype=torch.float64)).tolist()
    assert first[0] == second[0] == 1
    assert first[1] > 0
    assert second[1] > 0


def test_lemma_2_2_is_false_as_printed():
    u, v = COUNTEREXAMPLE
    assert max(u) == u[0]
    assert v[1] > v[0] > 0
    assert u[0] + v[0] > u[1] + v[1]
    before = top_probability(u, 0)
    after = top_probability([a + b for a, b in zip(u, v, strict=True)], 0)
    assert float(before) == pytest.approx(0.440, abs=5e-4)
    assert float(after) == pytest.approx(0.575, abs=5e-4)
    assert not top_probability_falls(torch.tensor([u]), torch.tensor([v])).item()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
@given(st.lists(st.tuples(VALUE, RISE), min_size=2, max_size=6))
def test_the_exact_law_decides_every_case(dtype, pairs):
    logits, rises = (torch.tensor([column], dtype=torch.float64).to(dtype) for column in zip(*pairs, strict=True))
    u, v = logits[0].double().tolist(), rises[0].double().tolist()
    at = max(range(len(u)), key=u.__getitem__)
    before = top_probability(u, at)
    after = top_probability([Fraction(a) + Fraction(b) for a, b in zip(u, v, strict=True)], at)
    assume(abs(mpmath.log(after) - mpmath.log(before)) > 1e-13)
    assert bool(top_probability_falls(logits, rises).item()) == bool(after < before)


@pytest.mark.parametrize(("classes", "share"), [(3, 0.2), (10, 0.5), (1000, 0.9)])
def test_lemma_2_2_fails_in_many_of_its_own_instances_and_the_law_in_none(classes, share):
    u, v = lemma_2_2_instances(2000, classes)
    raised = v > 0
    assert (raised.sum(dim=1) == 2).all()
    assert (raised[:, 0] & (v[:, 1:].amax(dim=1) > v[:, 0])).all()
    moved = torch.where(raised, u + v, -torch.inf)
    assert (moved.argmax(dim=1) == 0).all()
    before, after = torch.softmax(u, 1)[:, 0], torch.softmax(u + v, 1)[:, 0]
    clear = (after - before).abs() > 1e-12
    fails = (after > before)[clear].double().mean()
    assert fails > share
    assert torch.equal(top_probability_falls(u, v)[clear], (after < before)[clear])


@given(st.lists(VALUE, min_size=2, max_size=6), st.data(), RISE, RISE)
def test_the_law_for_one_rival_is_the_general_one(u, data, top_increase, increase):
    at = max(range(len(u)), key=u.__getitem__)
    rival = data.draw(st.sampled_from([i for i in range(len(u)) if i != at]))
    v = [0.0] * len(u)
    v[at], v[rival] = top_increase, increase
    logits, rises = torch.tensor([u], dtype=torch.float64), torch.tensor([v], dtype=torch.float64)
    top, one = torch.tensor([top_increase], dtype=torch.float64), torch.tensor([increase], dtype=torch.float64)
    weight = torch.softmax(logits.scatter(1, torch.tensor([[at]]), -torch.inf), 1)[0, rival]
    assume(weight > 1e-12)
    assume(abs(increase - float(torch.log1p(torch.expm1(top)[0] / weight))) > 1e-9)
    single = top_probability_falls_for_one_rival(logits, torch.tensor([rival]), top, one)
    assert single.item() == top_probability_falls(logits, rises).item()


def test_lemma_2_2_is_true_when_one_rival_carries_the_rest():
    logits = torch.tensor([[2.0, 1.0], [2.0, 1.0]])
    falls = top_probability_falls(logits, torch.tensor([[0.5, 0.6], [0.5, 0.4]]))
    assert falls.tolist() == [True, False]
