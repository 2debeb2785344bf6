"""The fixed rule on hand-made logits."""

from math import log, log1p

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from presoftmax import numerics
from presoftmax.scores import OWN_WEIGHT, expected_transfer, model_scale, signed_log

NAN = np.nan


def test_the_rule_is_what_was_worked_out_by_hand():
    # True class 0. Two surrogates, two copies of the source, all of three classes.
    labels = torch.tensor([0])
    first = torch.tensor([[0.0, log(2), log(3)]])  # log-odds log 5
    second = torch.tensor([[3.0, 0.0, 0.0]])  # log 2 - 3
    copies = [torch.tensor([[0.0, 1.0, 1.0]]), torch.tensor([[2.0, 1.0, 1.0]])]  # log 2 + 1, log 2 - 1
    odds = [float(numerics.misclassification_log_odds(each, labels)[0]) for each in (first, second, *copies)]
    assert odds == pytest.approx([log(5), log(2) - 3, log(2) + 1, log(2) - 1])
    scales = {"first": 2.0, "second": 0.5, "source": 4.0}
    asked = np.array([[odds[0] / scales["first"], odds[1] / scales["second"]]])
    own = np.array([(odds[2] + odds[3]) / 2 / scales["source"]])
    by_hand = (log1p(log(5) / 2) - log1p(2 * (3 - log(2)))) / 2 + 0.5 * log1p(log(2) / 4)
    assert expected_transfer(asked, own)[0] == pytest.approx(by_hand)


@pytest.mark.parametrize(
    ("surrogates", "copies", "value"),
    [
        ([1.0, NAN], 3.0, log(2) + OWN_WEIGHT * log(4)),
        ([NAN, NAN], 3.0, NAN),
        ([1.0, -1.0], NAN, NAN),
        ([NAN, NAN], NAN, NAN),
        ([np.inf, 1.0], -3.0, log(2) - OWN_WEIGHT * log(4)),
    ],
)
def test_a_surrogate_that_is_not_known_is_left_out_and_without_any_there_is_no_rule(surrogates, copies, value):
    found = expected_transfer(np.array([surrogates]), np.array([copies]))
    np.testing.assert_allclose(found, [value])


def test_without_copies_the_surrogates_are_all():
    np.testing.assert_allclose(expected_transfer(np.array([[1.0, 3.0], [NAN, NAN]])), [log(8) / 2, NAN])


@given(st.floats(-1e300, 1e300))
def test_the_logarithm_is_odd_rising_and_never_saturates(x):
    values = signed_log(np.array([x, -x, x * 1.01]))
    assert values[0] == -values[1]
    assert np.isfinite(values).all()
    if abs(x) > 1e-6:
        assert abs(values[2]) > abs(values[0])


def test_the_scale_is_the_median_of_the_absolute_finite_log_odds():
    assert model_scale(np.array([-4.0, 2.0, -6.0, NAN, np.inf])) == 4.0
    for hopeless in ([], [NAN], [0.0, 0.0]):
        with pytest.raises(ValueError, match="none|median is 0"):
            model_scale(np.array(hopeless))
