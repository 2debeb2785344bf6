"""What natural logits say of a model's confidence."""

import pytest
import torch

from presoftmax.report.audit import audit_sentences
from presoftmax.scores.trust import assess


def logits_with_gaps(*gaps):
    z = torch.zeros(len(gaps), 3)
    z[:, 1] = torch.tensor(gaps)
    z[:, 2] = -200
    return z


def test_shares_follow_from_the_gaps():
    trust = assess(logits_with_gaps(1.0, 6.0, 12.0, 20.0, 150.0), torch.tensor([1, 1, 0, 1, 1]))
    assert trust.images == 5
    assert trust.accuracy == pytest.approx(0.8)
    assert trust.exactly_one["2 decimals"] == pytest.approx(0.8)
    assert trust.exactly_one["float16"] == pytest.approx(0.6)
    assert trust.exactly_one["float32"] == pytest.approx(0.4)
    assert trust.exactly_one["float64"] == pytest.approx(0.2)
    assert trust.gradient_zero_in_top == pytest.approx(0.4)
    assert trust.gradient_zero == pytest.approx(0.2)
    assert trust.ranges["ca1"] == pytest.approx({"0": 1, "0.05": 2, "0.5": 12, "0.95": 124, "1": 150})
    assert trust.ranges["margin"]["0.5"] == 12
    text = " ".join(audit_sentences("m", trust))
    assert "m on 5 natural images, 80 % of them classified correctly: the confidence of 80 % prints as 1.00" in text
    assert (
        "On 40 % the float32 cross-entropy has a gradient of exactly 0 in the top logit, and on 20 % in every logit"
        in text
    )
    assert "CA1 lies between 1.0 and 150.0 (median 12.0)" in text


def test_a_model_that_can_be_trusted():
    trust = assess(logits_with_gaps(0.5, 1.0))
    assert trust.accuracy is None
    assert trust.gradient_zero_in_top == 0
    assert "has a gradient in the top logit on every one of them" in audit_sentences("m", trust)[1]


def test_answers_that_are_not_finite_are_counted_out():
    z = logits_with_gaps(1.0, 2.0)
    z[0, 0] = float("nan")
    trust = assess(z)
    assert (trust.images, trust.not_finite) == (1, 1)
    with pytest.raises(ValueError, match="no image has finite logits"):
        assess(z[:1])
