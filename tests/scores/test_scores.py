"""Every score: finite, invariant where it says so, batch equals one by one; and the disguise is unmasked."""

import json

import polars as pl
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import presoftmax as ps
from presoftmax import scores
from presoftmax.errors import DataError
from presoftmax.scores.natural import NaturalReference
from tests.conftest import Tiny, make_set

CLASSES = 12


def logits_of(count, seed=0, scale=5.0):
    return torch.randn(count, CLASSES, generator=torch.Generator().manual_seed(seed)) * scale


NATURAL = NaturalReference.fit("m", logits_of(400, seed=9))


def facts_for(count):
    labels = torch.arange(count) % CLASSES
    return scores.Facts(labels, torch.stack([(labels + 1) % CLASSES, (labels + 2) % CLASSES], 1), NATURAL)


@pytest.mark.parametrize("name", scores.SCORES)
@given(row=st.lists(st.floats(-1e6, 1e6, width=32), min_size=CLASSES, max_size=CLASSES))
def test_finite_for_finite_logits(name, row):
    value = scores.compute(name, torch.tensor([row]), facts_for(1))
    assert value.dtype == torch.float64
    assert value.isfinite().all()


@pytest.mark.parametrize("name", scores.SCORES)
def test_a_constant_changes_only_scores_that_say_so(name):
    logits = logits_of(8).double()
    before, after = (scores.compute(name, z, facts_for(8)) for z in (logits, logits + 16.0))
    if scores.SCORES[name].shift_invariant:
        single = name == "confidence"  # the habit of the field is float32
        torch.testing.assert_close(before, after, rtol=1e-9, atol=1e-6 if single else 1e-9)
    else:
        assert (before != after).all()


@pytest.mark.parametrize("name", scores.SCORES)
def test_a_batch_equals_its_rows_one_by_one(name):
    logits, facts = logits_of(6), facts_for(6)
    whole = scores.compute(name, logits, facts)
    for i in range(6):
        one = scores.Facts(facts.labels[i : i + 1], facts.targets[i : i + 1], NATURAL)
        assert scores.compute(name, logits[i : i + 1], one).item() == pytest.approx(whole[i].item(), rel=1e-12)


RISING = [name for name in scores.SCORES if name != "top_k_distance"]


@pytest.mark.parametrize("name", RISING)
def test_raising_the_top_logit_never_lowers_a_score(name):
    """The top class is a target and not the label, so that raising it is what an attack does."""
    z = torch.zeros(40, CLASSES, dtype=torch.float64)
    z[:, 1] = torch.linspace(1, 400, 40)
    facts = scores.Facts(torch.zeros(40, dtype=torch.int64), torch.tensor([[1, 2]]).expand(40, 2), NATURAL)
    values = scores.compute(name, z, facts)
    assert (values.diff() >= -1e-12).all()
    if name not in ("confidence", "negative_entropy", "negative_renyi_entropy"):
        assert (values.diff() > 0).all(), "a score that saturates is no better than confidence"


def test_what_is_missing_is_said():
    with pytest.raises(ValueError, match="the score true_margin needs labels"):
        scores.compute("true_margin", logits_of(2))
    with pytest.raises(ValueError, match="no score 'strength'; there are confidence, ca1"):
        scores.compute("strength", logits_of(2))


def test_every_score_says_what_it_is():
    for score in scores.SCORES.values():
        assert all((score.formula, score.range, score.fooled_by, score.source))


def test_best_group_finds_the_classes_that_were_raised():
    z = torch.tensor([[523.0, 522.5, 14.0, *[0.0] * 9], [40.0, 14.0, 13.0, *[0.0] * 9]])
    values = scores.compute("best_group_log_odds", z)
    pair = ps.numerics.group_log_odds(z[:1], torch.tensor([[0, 1]]))
    single = ps.numerics.log_odds(z[1:])
    assert values.tolist() == pytest.approx([pair.item(), single.item()])


def ranks(network, photos, steps):
    """Spearman correlation of group log-odds and of confidence with the iteration, over all multi-class examples."""
    rows = ps.trace(ps.attacks.multi_class(steps, 2, (0.05, 0.1), "level"), network, photos).steps
    means = rows.group_by("iteration").agg(pl.col("group_log_odds", "confidence").mean()).sort("iteration")
    return [stats.spearmanr(means["iteration"], means[name]).statistic for name in ("group_log_odds", "confidence")]


def test_the_disguise_is_unmasked():
    """Group log-odds ranks examples by how far they were optimized; confidence ranks them backwards."""
    network = Tiny(gain=8)
    group, confidence = ranks(network, make_set(network, count=8), 100)
    assert group > 0.95
    assert confidence < -0.3


@pytest.mark.real
def test_the_disguise_is_unmasked_on_real_photos(real):
    (source, *_), photos = real
    group, confidence = ranks(source, photos, 50)
    assert group > 0.95
    assert confidence < -0.3


def test_a_reference_is_read_back_as_it_was_and_refused_elsewhere(tmp_path):
    logits = logits_of(600, seed=3)
    logits[:100, 4] += 30
    reference = NaturalReference.fit("net", logits)
    reference.save(tmp_path / "r.json")
    again = NaturalReference.load(tmp_path / "r.json")
    assert again == reference
    torch.testing.assert_close(again.top_k_distance(logits), reference.top_k_distance(logits))
    again.check("net", CLASSES)
    for model, classes in (("other", CLASSES), ("net", 3)):
        with pytest.raises(DataError, match="belongs to net with 12 classes, not to"):
            again.check(model, classes)
    with pytest.raises(DataError, match="3 logits for the natural reference of 12 classes"):
        again.log_tail_probability(torch.zeros(1, 3))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no json", "not a natural reference"),
        ("[1]", "not a natural reference"),
        ('{"kind": "presoftmax natural reference", "version": 99}', "version 99 of the natural reference"),
        ('{"kind": "presoftmax natural reference", "version": 2, "model": "m"}', "incomplete natural reference"),
    ],
)
def test_other_files_are_refused(tmp_path, text, message):
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(DataError, match=message):
        NaturalReference.load(tmp_path / "r.json")
    with pytest.raises(DataError, match="No such file"):
        NaturalReference.load(tmp_path / "none.json")


def test_tail_probabilities_stay_apart_far_beyond_the_data():
    z = torch.zeros(6, CLASSES)
    z[:, 0] = torch.tensor([1.0, 12.0, 30.0, 100.0, 4e3, 1e6])
    values = NATURAL.log_tail_probability(z)
    assert values.isfinite().all()
    assert (values.diff() < 0).all()
    natural = logits_of(400, seed=9)
    median = natural.amax(1).median()
    z[0, 0] = median
    assert NATURAL.log_tail_probability(z[:1]).exp().item() == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("heavy", [False, True])
def test_tails_fall_without_a_break(heavy):
    """Also where the fitted law is heavier than the largest values: no two different values are equally rare there."""
    logits = logits_of(300, seed=5)
    if heavy:
        logits[:, 0] = torch.distributions.Pareto(1.0, 1.5).sample((300,)) + 20
    reference = NaturalReference.fit("m", logits)
    z = torch.zeros(500, CLASSES)
    z[:, 0] = torch.linspace(reference.tail.threshold + 0.01, reference.tail.threshold + 500, 500)
    values = reference.log_tail_probability(z)
    assert (values.diff() < 0).all()
    assert values[0] <= torch.tensor(reference.tail.share).log()


def test_quantiles_and_the_distance_of_natural_images():
    natural = logits_of(400, seed=9)
    assert NATURAL.quantiles["ca1"]["0.5"] == pytest.approx(natural.amax(1).double().quantile(0.5).item())
    assert NATURAL.quantiles["ca1"]["1"] == natural.amax(1).max().item()
    distances = NATURAL.top_k_distance(natural)
    assert 1 < distances.median() < 4
    assert NATURAL.top_k_distance(natural * 20).min() > distances.max()


def test_too_few_images_are_refused():
    logits = logits_of(30)
    logits[:15] = float("nan")
    with pytest.raises(DataError, match="at least 20 images with finite logits of 2 classes or more, got 15 of 12"):
        NaturalReference.fit("m", logits)


def test_the_file_is_plain_json(tmp_path):
    NATURAL.save(tmp_path / "r.json")
    content = json.loads((tmp_path / "r.json").read_text())
    assert (content["kind"], content["version"], content["model"]) == ("presoftmax natural reference", 2, "m")
