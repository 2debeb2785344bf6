"""Whether transfer can be told: areas and shares by hand, what is hidden stays hidden, garbage is called garbage."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

import presoftmax as ps
from presoftmax import attacks
from presoftmax.analysis.prediction import (
    CEILING,
    FITTED,
    METHODS,
    RULE,
    ModelFacts,
    Points,
    Strictness,
    Trials,
    all_left_out,
    auroc,
    calibration_error,
    columns_of,
    evaluate,
    expected_transfers,
    fit_logistic,
    left_out,
    recalibrated,
)
from presoftmax.analysis.prediction.at_k import transferability_at_k
from presoftmax.analysis.prediction.calibration import probability, probed_errors, reliability
from presoftmax.analysis.prediction.concordance import Cells, difference
from presoftmax.analysis.prediction.points import OWN, join_points
from presoftmax.errors import DataError
from presoftmax.scores import signed_log
from presoftmax.tables import EXPECTED
from tests.conftest import Tiny, make_set

MODELS = ("a", "b", "c", "d", "e")
FAMILIES = ("a", "b", "c", "d", "d")
IMAGES = 60


def points(signal=2.0, images=IMAGES, seed=0) -> Points:
    """Three sources, two attacks, two iterations: what an image is worth is shared by all models, as far as signal."""
    generator = np.random.default_rng(seed)
    facts = ModelFacts(MODELS, FAMILIES, np.array([1.0, 2.0, 0.5, 1.0, 4.0]), np.tile([5.0, 2.0], (5, 1)), 300)
    parts = []
    for source in MODELS[:3]:
        for attack in ("one", "two"):
            for iteration in (1, 5):
                worth = generator.normal(size=images)
                odds = signal * worth[:, None] + generator.normal(size=(images, len(MODELS)))
                odds[:, MODELS.index(source)] = np.abs(odds[:, MODELS.index(source)]) + 0.1
                flags = (odds > 0).astype(float)
                parts.append(
                    Points(
                        models=facts,
                        attack=np.full(images, attack),
                        source=np.full(images, source),
                        example=np.array([f"{i:03d}" for i in range(images)]),
                        iteration=np.full(images, iteration),
                        odds={"misclassified": odds * facts.scales, "targeted": np.full(odds.shape, np.nan)},
                        fooled={"misclassified": flags, "targeted": np.full(odds.shape, np.nan)},
                        own={name: generator.normal(size=images) ** 2 + 1 for name in OWN}
                        | {"iteration": np.full(images, float(iteration))},
                        copies={name: np.full(images, np.nan) for name in ("misclassified", "targeted")},
                        clean=generator.normal(size=odds.shape) - 3,
                        noise=(generator.random(odds.shape) > 0.5).astype(float),
                    )
                )
    return join_points(parts)


@pytest.fixture(scope="module")
def trials():
    return Trials.of(points(), "misclassified")


def cells(fooled, image=None, cell=None):
    flags = np.array(fooled, dtype=bool)
    numbers = np.arange(len(flags)) if image is None else np.array(image)
    return Cells.of(flags, numbers, np.zeros(len(flags), dtype=int) if cell is None else np.array(cell))


@pytest.mark.parametrize(
    ("values", "fooled", "area"),
    [
        ([1, 2, 3, 4], [0, 0, 1, 1], 1.0),
        ([4, 3, 2, 1], [0, 0, 1, 1], 0.0),
        ([1, 1, 1, 1], [0, 1, 0, 1], 0.5),
        ([1, 2, 2, 3], [0, 0, 1, 1], 3.5 / 4),
        ([1, np.nan, 2, 3], [0, 0, 1, 1], 1.0),
        ([-np.inf, 1, 2, np.inf], [0, 1, 0, 1], 0.75),
    ],
)
def test_the_area_is_the_share_of_pairs_in_the_right_order(values, fooled, area):
    assert auroc(np.array(values, dtype=float), cells(fooled)).value == pytest.approx(area)


def test_pairs_are_compared_within_cells_only_and_all_pairs_count_alike():
    values = np.array([1.0, 2.0, 30.0, 10.0, 20.0, 25.0, 5.0])
    fooled = [0, 1, 0, 1, 0, 0, 1]
    found = cells(fooled, cell=[0, 0, 1, 1, 1, 1, -1])
    # One pair of cell 0 is right; of the three of cell 1 none is; the last row is in no cell.
    assert found.pairs == 4
    assert auroc(values, found).value == pytest.approx(1 / 4)
    assert auroc(values, cells([1, 1, 1, 1, 1, 1, 1])).value is None


def test_images_are_resampled_whole():
    """Ten rows of each of four images are no more certain than one row of each."""
    values, fooled = np.array([1.0, 3.0, 2.0, 4.0]), [0, 0, 1, 1]
    once = auroc(values, cells(fooled), rounds=500)
    often = auroc(np.repeat(values, 10), cells(np.repeat(fooled, 10), np.repeat(range(4), 10)), rounds=500)
    assert once.interval == often.interval
    assert once.interval[0] < 0.6 < once.interval[1]


def test_a_difference_has_the_interval_of_the_same_resamples():
    generator = np.random.default_rng(0)
    values, fooled = generator.normal(size=200), generator.random(200) > 0.5
    one, other = auroc(values, cells(fooled)), auroc(values * 3 - 1, cells(fooled))
    assert difference(one, other) == (0.0, (0.0, 0.0))
    assert difference(one, auroc(values, cells(np.ones(200)))) == (None, None)


def test_transferability_at_k_by_hand():
    values = np.array([4.0, 3.0, 2.0, 2.0, 1.0])
    found = {each.share: each for each in transferability_at_k(values, cells([1, 0, 1, 0, 0]))}
    assert (found[0.2].value, found[0.2].bound) == (1.0, 1.0)
    assert found[0.5].value == pytest.approx((1 + 0 + 0.5 * 0.5) / 2.5)  # the tie counts half
    assert found[0.5].bound == pytest.approx(2 / 2.5)
    assert all(each.random == pytest.approx(2 / 5) for each in found.values())
    assert found[1.0].value == pytest.approx(2 / 5)
    assert transferability_at_k(values, cells([1, 1, 1, 1, 1])) == []


def test_only_fooled_sources_and_other_families_are_tried(trials):
    models = trials.points.models
    assert set(models.kin("d").nonzero()[0]) == {3, 4}
    families = np.array(models.families)
    assert (families[trials.victim] != families[trials.source]).all()
    assert trials.points.source_fooled("misclassified").all()
    blind = replace(trials.points, fooled={**trials.points.fooled, "misclassified": trials.points.fooled["targeted"]})
    assert len(Trials.of(blind, "misclassified")) == 0


def test_a_trial_without_a_surrogate_is_none(trials):
    """Where two families are all there are, nobody is left to ask, and nothing is compared."""
    assert trials.asked.any(axis=1).all()
    two = replace(trials.points.models, families=("a", "a", "b", "b", "b"))
    few = Trials.of(replace(trials.points, models=two), "misclassified")
    assert len(few) > 0
    assert few.asked.any(axis=1).all()
    alone = replace(trials.points.models, families=("a", "b", "b", "b", "b"))
    left = Trials.of(replace(trials.points, models=alone), "misclassified")
    # From a nobody but b's family is fooled, and b's family is all that could be asked.
    assert "a" not in set(left.points.source[left.row])


def test_no_method_asks_the_victim_or_its_family(trials):
    asked = trials.asked
    families = np.array(trials.points.models.families)
    for row, victim, source in zip(asked, trials.victim, trials.source, strict=True):
        assert families[victim] not in families[row]
        assert not row[source]


TELLS_OF_THE_VICTIM = {"clean margin of victim", "rule, with the victim's clean margin"}


@pytest.mark.parametrize("family", sorted(set(FAMILIES)))
def test_what_only_the_victim_knows_can_help_nobody(family):
    """All that a family says is replaced by what its members will do: what is predicted of them stays what it was."""
    honest = points(images=30)
    kin = np.array([each == family for each in FAMILIES])
    told = {name: np.where(kin, 1e3 * (2 * honest.fooled[name] - 1), each) for name, each in honest.odds.items()}
    told["misclassified"] = np.where(
        honest.source[:, None] == np.array(MODELS), honest.odds["misclassified"], told["misclassified"]
    )
    of_kin = np.isin(honest.source, [name for name, each in zip(MODELS, FAMILIES, strict=True) if each == family])
    planted = replace(
        honest,
        odds=told,
        own={name: np.where(of_kin, 1e3 * each, each) for name, each in honest.own.items()},
        copies={name: np.where(of_kin, 1e3, each) for name, each in honest.copies.items()},
        clean=np.where(kin, 1e3 * honest.fooled["misclassified"], honest.clean),
        noise=np.where(kin, honest.fooled["misclassified"], honest.noise),
    )
    before, after = (Trials.of(each, "misclassified") for each in (honest, planted))
    mine = kin[before.victim]
    for name, method in METHODS.items():
        if name not in TELLS_OF_THE_VICTIM:
            np.testing.assert_array_equal(method(before)[mine], method(after)[mine], err_msg=name)
    np.testing.assert_array_equal(columns_of(before)[mine], columns_of(after)[mine])
    fitted = all_left_out(before)[mine]
    assert np.isfinite(fitted).all()
    np.testing.assert_array_equal(fitted, all_left_out(after)[mine])


def test_outcomes_of_a_family_change_no_fit_about_it():
    honest = points(images=30)
    kin = np.array([each == "d" for each in FAMILIES])
    flags = honest.fooled["misclassified"]
    turned = replace(honest, fooled={**honest.fooled, "misclassified": np.where(kin, 1 - flags, flags)})
    before, after = (Trials.of(each, "misclassified") for each in (honest, turned))
    mine = kin[before.victim]
    np.testing.assert_array_equal(all_left_out(before)[mine], all_left_out(after)[mine])


@pytest.mark.parametrize("what", ["source", "attack", "image"])
def test_outcomes_of_what_is_left_out_change_nothing(what):
    """The outcomes of one source, of one attack, or of the images of one fold are turned round."""
    honest = points(images=30)
    before = Trials.of(honest, "misclassified")
    number = {name: i for i, name in enumerate(np.unique(honest.example).tolist())}
    rows = {
        "source": honest.source == "a",
        "attack": honest.attack == "one",
        "image": np.array([number[name] % 2 == 0 for name in honest.example.tolist()]),
    }[what]
    flags = honest.fooled["misclassified"]
    own = honest.source[:, None] == np.array(MODELS)
    turned = replace(
        honest, fooled={**honest.fooled, "misclassified": np.where(rows[:, None] & ~own, 1 - flags, flags)}
    )
    after = Trials.of(turned, "misclassified")
    mine = rows[before.row]
    # What is fooled among the surrogates is a column of the examples themselves, which is no leak: it is kept.
    kept = replace(after, points=replace(turned, fooled=honest.fooled))
    kept.__dict__["fooled"] = after.fooled
    np.testing.assert_array_equal(all_left_out(before)[mine], all_left_out(kept)[mine])
    assert (all_left_out(before)[~mine] != all_left_out(kept)[~mine]).any()


def test_what_models_share_is_found_and_what_they_do_not_share_is_not():
    for signal, tells in ((2.0, True), (0.0, False)):
        found = evaluate(points(signal))
        (only,) = found.criteria
        assert only.criterion == "misclassified"
        area = {(each.method, each.strictness): each for each in only.ranked}
        for name in (RULE, FITTED):
            each = area[name, Strictness.CELL]
            assert (each.value > 0.7) is tells, name
            assert (each.low > 0.5) is tells, name
        assert area["iteration", Strictness.CELL].value == 0.5
        gain = next(g for g in only.gains if (g.rival, g.strictness) == ("confidence", Strictness.CELL))
        assert (gain.low > 0) is tells
        assert only.area(CEILING, Strictness.CELL) is not None
        assert only.calibration_error < 0.15


def test_too_many_trials_are_those_of_fewer_images_drawn_whole():
    everything, some = evaluate(points()), evaluate(points(), most=500)
    (all_, few) = everything.criteria[0], some.criteria[0]
    assert all_.images == IMAGES
    assert few.images == IMAGES * 500 // all_.trials
    assert few.trials <= 600
    assert (few.victims, few.cells[Strictness.CELL] > 0) == (all_.victims, True)
    assert evaluate(points(), most=10**6) == everything


def test_a_fit_without_another_source_or_attack_is_not_evaluated():
    alone = points().select(points().source == "a")
    assert left_out(Trials.of(alone, "misclassified")) is None
    (found,) = evaluate(alone).criteria
    assert found.calibration_error is None
    assert not found.reliability
    assert found.area(FITTED, Strictness.CELL) is None
    assert found.area(RULE, Strictness.CELL) is not None


def test_calibration_by_hand():
    predicted = np.repeat([0.25, 0.75], 20)
    outcomes = np.array([1] * 5 + [0] * 15 + [1] * 10 + [0] * 10, dtype=bool)
    shuffled = np.random.default_rng(0).permutation(40)
    bins = reliability(predicted[shuffled], outcomes[shuffled])
    assert [each.count for each in bins] == [4] * 10
    assert calibration_error(np.full(10, 0.3), np.array([1] * 5 + [0] * 5, dtype=bool)) == pytest.approx(0.5, abs=0.3)
    assert calibration_error(np.array([1.0, 0.0]), np.array([True, False])) == 0
    assert calibration_error(np.array([1.0, 0.0]), np.array([False, True])) == 1
    assert calibration_error(np.zeros(0), np.zeros(0, dtype=bool)) is None


def test_probes_mend_a_victim_that_is_fooled_less_often():
    generator = np.random.default_rng(0)
    odds = generator.normal(0, 2, 4000)
    outcomes = generator.random(4000) < probability(odds - 2)
    assert calibration_error(probability(odds), outcomes) > 0.2
    probes = slice(0, 400)
    mended = recalibrated(odds[probes], outcomes[probes])
    assert calibration_error(probability(mended.apply(odds[400:])), outcomes[400:]) < 0.05


def test_a_recalibration_is_the_most_probable_one_and_knows_what_it_expected():
    """Equal log-odds tell nothing of the slope, which stays near 1; the offset makes up for what was fooled."""
    odds = np.zeros(2000)
    found = recalibrated(odds, np.arange(2000) % 4 == 0)
    assert found.slope == pytest.approx(1, abs=1e-3)
    assert found.offset == pytest.approx(np.log(1 / 3), abs=0.01)
    few = recalibrated(odds[:4], np.arange(4) % 4 == 0)
    assert np.log(1 / 3) < few.offset < 0
    with pytest.raises(ValueError, match="all the same"):
        recalibrated(odds, np.ones(2000, dtype=bool))


def test_probes_are_other_images_than_those_that_are_predicted(trials):
    errors = probed_errors(trials, np.zeros(len(trials)), (0, 20, IMAGES, IMAGES + 1))
    assert errors[0] is not None
    assert errors[20] is not None
    # With a probe of every image none is left to predict.
    assert errors[IMAGES] is None
    assert errors[IMAGES + 1] is None


def test_a_regression_is_that_of_weighted_rows():
    generator = np.random.default_rng(0)
    columns, outcomes = generator.normal(size=(60, 2)), generator.random(60) > 0.5
    drawn = generator.integers(0, 3, 60)
    repeated = fit_logistic(np.repeat(columns, drawn, axis=0), np.repeat(outcomes, drawn))
    weighted = fit_logistic(columns, outcomes, weights=drawn.astype(float))
    # The columns are standardized by all rows, repeated or not: only the ridge sees a difference.
    np.testing.assert_allclose(weighted.log_odds(columns), repeated.log_odds(columns), atol=0.1)
    with pytest.raises(ValueError, match="all the same"):
        fit_logistic(columns, np.ones(60, dtype=bool))


@pytest.fixture(scope="module")
def traced():
    network = Tiny(0)
    photos = make_set(network, 6)
    victims = {"b": Tiny(1), "c": Tiny(2), "d": Tiny(3)}
    return ps.trace(attacks.bim(3, epsilon=16 / 255, alpha=4 / 255), network, photos, victims=victims)


def test_every_iteration_has_its_rule_by_the_other_victims(traced):
    found = expected_transfers(traced.steps, traced.transfers, {"b": "x", "c": "x"})
    assert found.columns == [column.name for column in EXPECTED]
    assert found.height == 3 * 6 * 3
    scale = {}
    for name, rows in (("tiny", traced.steps), *((v, traced.transfers.filter(pl.col("victim") == v)) for v in "bcd")):
        scale[name] = rows.filter(pl.col("iteration") == 0)["misclassification_log_odds"].abs().median()
    row = found.filter((pl.col("victim") == "b") & (pl.col("iteration") == 2)).row(3, named=True)
    here = (pl.col("example") == row["example"]) & (pl.col("iteration") == 2)
    own = traced.steps.filter(here)["misclassification_log_odds"].item() / scale["tiny"]
    # c is of b's family: d alone is asked.
    other = traced.transfers.filter(here & (pl.col("victim") == "d"))["misclassification_log_odds"].item() / scale["d"]
    by_hand = signed_log(np.array([other]))[0] + 0.5 * signed_log(np.array([own]))[0]
    assert row["expected_misclassified"] == pytest.approx(by_hand)
    assert found["expected_targeted"].null_count() == found.height


def test_a_victim_alone_is_judged_by_nobody(traced):
    alone = traced.transfers.filter(pl.col("victim") == "b")
    with pytest.raises(DataError, match="it takes two victims at least"):
        expected_transfers(traced.steps, alone)
    late = traced.steps.filter(pl.col("iteration") > 0), traced.transfers.filter(pl.col("iteration") > 0)
    for steps, transfers in (late, (traced.steps, late[1]), (late[0], traced.transfers)):
        with pytest.raises(DataError, match="iteration 0 is missing"):
            expected_transfers(steps, transfers)
    part = traced.transfers.filter((pl.col("iteration") > 0) | (pl.col("victim") != "c"))
    with pytest.raises(DataError, match="iteration 0 is missing"):
        expected_transfers(traced.steps, part)
    with pytest.raises(DataError, match="nobody of another family can be asked about"):
        expected_transfers(traced.steps, traced.transfers, dict.fromkeys("bcd", "one"))
    some = expected_transfers(traced.steps, traced.transfers.filter(pl.col("iteration").is_in([0, 2])))
    assert set(some["iteration"]) == {2}
