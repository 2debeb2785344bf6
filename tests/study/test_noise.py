"""Noise of the asked length, the same for the same key."""

import numpy as np
import pytest

from presoftmax.study._noise import with_noise

IMAGE = np.random.default_rng(0).integers(0, 256, (3, 16, 16), dtype=np.uint8)


@pytest.mark.parametrize("l2", [15.0, 100.0, 1000.0, 3000.0])
def test_noise_has_the_length_that_is_asked(l2):
    noisy = with_noise(IMAGE, l2, "a")
    got = np.linalg.norm(noisy.astype(float) - IMAGE)
    assert got == pytest.approx(l2, rel=0.05)
    assert noisy.dtype == np.uint8


def test_noise_depends_on_the_key_alone():
    assert np.array_equal(with_noise(IMAGE, 100, "a"), with_noise(IMAGE, 100, "a"))
    assert not np.array_equal(with_noise(IMAGE, 100, "a"), with_noise(IMAGE, 100, "b"))


def test_no_length_is_no_noise():
    assert np.array_equal(with_noise(IMAGE, 0.0, "a"), IMAGE)
