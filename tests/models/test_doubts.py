"""What has been through something else than a last layer is doubted in words; logits of every kind are not."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from presoftmax import BlackBox
from presoftmax.errors import PresoftmaxWarning
from presoftmax.models import checked_logits
from presoftmax.models._doubts import doubt
from tests.conftest import make_images


def logits(seed=0, count=20, classes=7, scale=3.0):
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(count, classes, generator=generator)


SQUASHED = {
    "sigmoid": (torch.sigmoid, r"never answers outside \[0, 1\]"),
    "tanh": (torch.tanh, r"outside \[-1, 1\]"),
    "percent": (lambda z: 100 * z.softmax(1), "sum to 100"),
    "whole percent": (lambda z: (100 * z.softmax(1)).mul(100).round() / 100, "sum to 100"),
    "relu": (torch.relu, "never answers below 0"),
    "per mille": (lambda z: 1000 * z.softmax(1), "never answers below 0"),
    "log-sigmoid": (torch.nn.functional.logsigmoid, "never answers above 0"),
    "distances": (lambda z: -z.square(), "never answers above 0"),
    "softmax of a label too many": (lambda z: z.softmax(1)[:, :-1], r"never answers outside \[0, 1\]"),
    "one-hot": (lambda z: torch.nn.functional.one_hot(z.argmax(1), 7).float() * 0.8, r"never answers outside \[0, 1\]"),
}


@pytest.mark.parametrize("name", SQUASHED)
def test_what_is_squashed_is_doubted_and_named(name):
    squash, words = SQUASHED[name]
    victim = BlackBox(lambda images: squash(logits(count=len(images))), name="odd")
    with pytest.warns(PresoftmaxWarning, match=f"model odd .*{words}"):
        checked_logits(victim, make_images(20))


@given(st.integers(0, 10_000), st.floats(0.01, 1000), st.integers(2, 1000))
def test_logits_are_not_doubted(seed, scale, classes):
    assert doubt(logits(seed, 50, classes, scale)) is None


def test_few_values_are_not_doubted():
    assert doubt(torch.rand(2, 10)) is None
    assert doubt(torch.rand(100, 1)) is None
