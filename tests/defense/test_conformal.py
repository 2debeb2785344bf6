"""P-values, thresholds and the smooth surrogate."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from presoftmax.defense import MaxLogit, false_positives, p_values, smallest_rate, surprise
from presoftmax.defense.conformal import threshold
from presoftmax.errors import DataError
from tests.defense.natural import natural_logits

numbers = st.lists(st.integers(-5, 5), min_size=3, max_size=40)


def test_a_p_value_is_a_rank():
    natural = torch.tensor([1.0, 2.0, 2.0, 4.0]).double()
    found = p_values(natural, torch.tensor([0.0, 1.0, 2.0, 3.0, 4.0, 5.0]).double())
    assert found.tolist() == [1.0, 1.0, 0.8, 0.4, 0.4, 0.2]


@given(numbers, numbers, st.floats(0.05, 0.95))
@settings(deadline=None)
def test_the_threshold_flags_exactly_those_whose_p_value_is_small_enough(natural, asked, fpr):
    calm = torch.tensor(natural).double().sort().values
    statistics = torch.tensor(asked).double()
    if smallest_rate(len(natural)) > fpr:
        with pytest.raises(DataError, match="natural images to set a threshold"):
            threshold(calm, fpr)
        return
    flagged = statistics > threshold(calm, fpr)
    assert torch.equal(flagged, p_values(calm, statistics) <= fpr + 1e-12)


@pytest.mark.parametrize("fpr", [0.0, 1.0, -0.1, 2.0, float("nan")])
def test_a_rate_is_between_0_and_1(fpr):
    with pytest.raises(DataError, match="between 0 and 1"):
        threshold(torch.arange(10.0), fpr)


def test_a_rate_that_takes_more_images_says_how_many():
    with pytest.raises(DataError, match=r"takes 99 natural images .* there are 50"):
        threshold(torch.arange(50.0), 0.01)
    assert threshold(torch.arange(99.0), 0.01) == 98


def test_the_rate_that_few_images_give_is_a_beta_law():
    found = false_positives(999, 0.01)
    assert found.expected == pytest.approx(0.01)
    assert found.low < 0.01 < found.high
    assert found.high - found.low == pytest.approx(4 * (0.01 * 0.99 / 1000) ** 0.5, rel=0.05)
    assert false_positives(99, 0.01).high > 3 * 0.01


def test_of_a_thousand_imagined_models_as_many_natural_images_are_flagged_as_said():
    flagged = total = 0
    for seed in range(1000):
        detector = MaxLogit().fit(logits=natural_logits(60, seed)[0])
        held_out = detector.score(logits=natural_logits(20, seed + 5000)[0])
        flagged += int((held_out > detector.threshold(0.1)).sum())
        total += len(held_out)
    low, high = stats.beta(3, 31 - 3).ppf(0.001), stats.beta(3, 31 - 3).ppf(0.999)
    assert low < flagged / total < high
    # 30 calibrate: 3 of 31 is the rate that 0.1 asks for.
    assert flagged / total == pytest.approx(3 / 31, abs=0.01)


@given(numbers)
@settings(deadline=None)
def test_the_surrogate_rises_with_the_statistic_and_has_no_end(natural):
    calm = torch.tensor(natural).double().sort().values + 1e-9 * torch.arange(len(natural))
    x = torch.linspace(-8, 30, 400, dtype=torch.float64)
    found = surprise(calm, x)
    assert bool((found.diff() >= -1e-9).all())
    assert bool(found.isfinite().all())
    assert found[-1] > found[-2]


def test_the_surrogate_is_the_p_value_where_there_are_natural_images():
    calm = torch.randn(500, generator=torch.Generator().manual_seed(0)).double().sort().values
    x = calm[10:-10]
    assert torch.allclose((-surprise(calm, x)).exp(), p_values(calm, x), atol=0.01)


def test_the_surrogate_has_a_gradient_far_beyond_every_natural_image():
    calm = torch.arange(50.0).double()
    x = torch.tensor([10.5, 200.0, 1e6], dtype=torch.float64, requires_grad=True)
    surprise(calm, x).sum().backward()
    assert bool((x.grad > 0).all())
