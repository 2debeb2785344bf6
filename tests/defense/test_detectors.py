"""Every detector: its statistic by hand, and what all of them owe their users."""

import math

import pytest
import torch
from scipy import stats

from presoftmax.defense import (
    DETECTORS,
    ClassMaxLogit,
    Detector,
    Energy,
    FeatureSqueezing,
    Fisher,
    LogOdds,
    LogOddsSqueezing,
    Mahalanobis,
    MarginLeft,
    MaxLogit,
    NoiseOdds,
    TukeyFence,
    answers_of,
    make_detector,
    make_detectors,
)
from presoftmax.errors import DataError
from tests.conftest import Tiny, make_images
from tests.defense.natural import CLASSES, fitted, natural_logits

KINDS = list(DETECTORS)


def of(detector, rows):
    return detector.statistic(torch.tensor(rows, dtype=torch.float64))


def test_max_logit_and_energy():
    rows = [[[1.0, 3.0, 2.0], [0.0, 0.0, 0.0]]]
    assert of(MaxLogit(), rows).tolist() == [3.0, 0.0]
    assert of(Energy(), rows).tolist() == pytest.approx([math.log(sum(map(math.exp, (1, 3, 2)))), math.log(3)])


def test_class_max_logit_measures_in_standard_deviations_of_the_predicted_class():
    detector = ClassMaxLogit()
    # Class 0 lies at 10 +- 1, class 1 at 2 +- 0.1, of a thousand each.
    generator = torch.Generator().manual_seed(0)
    logits = torch.zeros(1, 2000, 2, dtype=torch.float64)
    logits[0, :1000, 0] = 10 + torch.randn(1000, generator=generator, dtype=torch.float64)
    logits[0, 1000:, 1] = 2 + 0.1 * torch.randn(1000, generator=generator, dtype=torch.float64)
    detector.learn(logits)
    assert of(detector, [[[13.0, 0.0], [0.0, 2.3]]]).tolist() == pytest.approx([3.0, 2.7], abs=0.3)


def test_tukeys_fence_counts_interquartile_ranges_on_both_sides():
    detector = TukeyFence()
    logits = torch.zeros(1, 101, 2, dtype=torch.float64)
    logits[0, :, 0] = torch.arange(101.0) + 1
    detector.learn(logits)  # quartiles 26 and 76
    assert of(detector, [[[126.0, 0.0], [1.0, 0.0], [51.0, 0.0]]]).tolist() == pytest.approx([1.0, 0.5, -0.5])


def test_a_class_without_natural_images_has_the_fence_of_all():
    detector = TukeyFence()
    logits = torch.zeros(1, 101, 2, dtype=torch.float64)
    logits[0, :, 0] = torch.arange(101.0) + 1
    detector.learn(logits)
    assert of(detector, [[[0.0, 126.0]]]).tolist() == pytest.approx([1.0])


def test_mahalanobis_is_the_distance_in_standard_deviations():
    detector = fitted(Mahalanobis(), 4000)
    mean = detector.means[2]
    assert float(of(detector, [[mean.tolist()]])) < 0.3
    off = mean.clone()
    off[3] += 3
    # Noise of standard deviation 1 in every logit, and in the own one 0.6 more; centering takes 1 of 7 directions.
    assert float(of(detector, [[off.tolist()]])) == pytest.approx(3 * math.sqrt(1 - 1 / CLASSES), rel=0.1)


def test_feature_squeezing_is_the_largest_distance_of_probabilities_and_its_sister_of_margins():
    rows = [[[2.0, 0.0]], [[0.0, 2.0]], [[1.0, 0.0]]]
    top = 1 / (1 + math.exp(-2))
    assert of(FeatureSqueezing(), rows).tolist() == pytest.approx([2 * (2 * top - 1)])
    assert of(LogOddsSqueezing(), rows).tolist() == pytest.approx([4.0])


@pytest.mark.parametrize("kind", [LogOdds, NoiseOdds, MarginLeft])
def test_two_sided_detectors_flag_both_ends(kind):
    detector = fitted(kind())
    calm = natural_logits(50, 9, len(detector.views))
    usual = detector.score(logits=calm).median()
    high, low = calm.clone(), calm.clone()
    if kind is LogOdds:
        high, low = calm * 30, calm * 0.001
    else:
        # Copies that lose everything, and copies that gain.
        high[1:], low[1:] = -calm[0], 6 * calm[0]
    assert detector.score(logits=high).median() > usual + 2
    assert detector.score(logits=low).median() > usual + 2


def test_noise_odds_compare_with_the_same_pair_of_classes_where_there_are_enough_images():
    detector = NoiseOdds()
    detector.learn(natural_logits(20 * CLASSES, 0, len(detector.views)))
    assert detector.mean.shape == (CLASSES, CLASSES)
    few = NoiseOdds()
    few.learn(natural_logits(20 * CLASSES - 1, 0, len(few.views)))
    assert few.mean.shape == ()


def test_fishers_sum_is_that_of_its_members():
    detector = fitted(Fisher([MaxLogit(), Energy()]))
    logits = natural_logits(6, 3)
    each = [member.surprise(logits) for member in detector.members]
    assert torch.allclose(detector.statistic(logits), 2 * (each[0] + each[1]))


def test_fishers_members_are_calibrated_on_images_that_taught_them_nothing():
    """A member that remembers every image it learned from would find none of them surprising."""

    class Remembers(Detector):
        kind = "remembers"

        def learn(self, logits):
            self.keep("seen", logits[0])

        def statistic(self, logits):
            return torch.cdist(logits[0], self.seen).amin(dim=1)

    detector = fitted(Fisher([Remembers()]))
    (member,) = detector.members
    assert float(member.calibration.median()) > 0.1


@pytest.mark.parametrize("kind", KINDS)
def test_natural_images_are_flagged_as_often_as_said(kind):
    flagged = total = 0
    for seed in range(4):
        detector = fitted(make_detector(kind), 800, seed)
        held_out = detector.p_value(logits=natural_logits(800, seed + 100, len(detector.views)))
        flagged += int((held_out <= 0.05).sum())
        total += len(held_out)
    # The rate of one threshold varies by 1.1 points around 5 %.
    assert stats.binomtest(flagged, total, 0.05).proportion_ci(0.999).high > 0.035
    assert 0.025 < flagged / total < 0.075


@pytest.mark.parametrize("kind", KINDS)
def test_attackers_can_follow_it(kind):
    detector = fitted(make_detector(kind))
    logits = natural_logits(5, 7, len(detector.views)).requires_grad_(True)
    (gradient,) = torch.autograd.grad(detector.surprise(logits * 1.3).sum(), logits)
    assert bool(gradient.isfinite().all())
    assert float(gradient.abs().sum()) > 0


@pytest.mark.parametrize("kind", KINDS)
def test_logits_that_are_not_finite_are_as_suspicious_as_can_be(kind):
    detector = fitted(make_detector(kind))
    logits = natural_logits(4, 1, len(detector.views))
    logits[0, 1, 2] = torch.nan
    logits[-1, 2, 0] = torch.inf
    found = detector.score(logits=logits)
    assert found[[1, 2]].tolist() == [torch.inf, torch.inf]
    assert bool(found[[0, 3]].isfinite().all())
    assert detector.p_value(logits=logits)[1] == 1 / (len(detector.calibration) + 1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_and_images_give_what_their_logits_give(kind):
    network, images = Tiny(), make_images(40)
    detector = make_detector(kind).fit(network, images)
    again = make_detector(kind)
    again.fit(logits=answers_of(network, images, again.views))
    assert torch.equal(detector.calibration, again.calibration)
    # Sums of floats depend a little on the size of the batch.
    assert torch.allclose(detector.score(network, images[:5]), detector.score(network, images)[:5], atol=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_fitted_says_so(kind):
    detector = make_detector(kind)
    for ask in (
        lambda: detector.score(logits=natural_logits(2, 0, len(detector.views))),
        lambda: detector.threshold(0.1),
    ):
        with pytest.raises(DataError, match=f"{kind} is not fitted"):
            ask()


@pytest.mark.parametrize("kind", KINDS)
def test_too_few_images_and_logits_of_another_form_are_refused(kind):
    detector = make_detector(kind)
    with pytest.raises(DataError, match=r"at least 20 natural images .* got 19"):
        detector.fit(logits=natural_logits(19, 0, len(detector.views)))
    with pytest.raises(DataError, match="takes logits"):
        detector.fit(logits=natural_logits(30, 0, len(detector.views) + 1))
    with pytest.raises(TypeError, match="a model and images, or their logits"):
        detector.fit()
    with pytest.raises(TypeError, match="a model and images, or their logits"):
        detector.fit(Tiny(), make_images(20), logits=natural_logits(30))


def test_detectors_by_name_and_sums_of_them():
    assert list(make_detectors([])) == KINDS
    both = make_detector("max-logit+noise-odds")
    assert [member.kind for member in both.members] == ["max-logit", "noise-odds"]
    with pytest.raises(DataError, match=r"no detector 'qq'; there are max-logit"):
        make_detector("max-logit+qq")
    with pytest.raises(DataError, match="fisher is a sum already"):
        make_detector("fisher+energy")
    with pytest.raises(DataError, match="at least one detector"):
        Fisher([])


@pytest.mark.parametrize("kind", KINDS)
def test_it_prints_short(kind):
    assert "not fitted" in repr(make_detector(kind))
    assert "calibrated on 200 natural images" in repr(fitted(make_detector(kind)))
