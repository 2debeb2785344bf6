"""A fitted predictor: what it is fitted to, what it refuses, its file, its calibration."""

import json
from dataclasses import replace

import numpy as np
import pytest

import presoftmax as ps
from presoftmax import attacks
from presoftmax.analysis.prediction import CLEAN_VICTIM, FEATURES, Known, Trials
from presoftmax.errors import DataError
from presoftmax.strength import (
    Examples,
    TransferPredictor,
    judge_predictor,
    load_predictor,
    measure,
    save_predictor,
)
from tests.analysis.test_prediction import points
from tests.conftest import CLASSES, Tiny, make_set


@pytest.fixture(scope="module")
def predictor():
    return TransferPredictor.fit(points(), CLASSES, "a panel")


def known(count=30, seed=0, scale=1.0):
    generator = np.random.default_rng(seed)
    odds = scale * generator.normal(size=(count, 2))
    own = generator.normal(size=count) + 1
    return Known(odds, (odds > 0).astype(float), own, np.ones(count) * 0.1, np.zeros(count))


def test_it_says_what_it_was_fitted_on_and_what_it_is_worth(predictor):
    about = predictor.about
    assert (about.classes, about.title, about.sources, about.attacks) == (
        CLASSES,
        "a panel",
        ("a", "b", "c"),
        ("one", "two"),
    )
    assert set(about.victims) == set("abcde")
    assert about.trials == len(Trials.of(points(), "misclassified"))
    assert predictor.columns == FEATURES
    assert predictor.left_out.low > 0.5
    assert predictor.tells is True


def test_stronger_surrogates_mean_a_larger_probability(predictor):
    weak, strong = (
        replace(known(), surrogates=np.full((30, 2), v), fooled=np.full((30, 2), v > 0)) for v in (-2.0, 2.0)
    )
    low, high = predictor.predict(weak, CLASSES), predictor.predict(strong, CLASSES)
    assert (low.probability < high.probability).all()
    for each in (low, high):
        assert ((each.low <= each.probability) & (each.probability <= each.high)).all()
    assert "not calibrated to a victim" in low.notes[0]


def test_a_predictor_fitted_on_garbage_says_so():
    garbage = TransferPredictor.fit(points(signal=0.0), CLASSES)
    assert garbage.left_out.low < 0.5 < garbage.left_out.high
    assert garbage.tells is False
    assert any("no better than chance" in note for note in garbage.predict(known(), CLASSES).notes)


def test_it_refuses_other_class_counts_and_missing_columns(predictor):
    for classes in (CLASSES - 1, 1000):
        with pytest.raises(DataError, match=f"fitted on models of {CLASSES} classes, these have {classes}"):
            predictor.predict(known(), classes)
        with pytest.raises(DataError, match="classes"):
            judge_predictor(predictor, points(), classes)
    with pytest.raises(DataError, match="was fitted without the victim's answers"):
        predictor.predict(known(), CLASSES, np.zeros(30))
    given = TransferPredictor.fit(points(), CLASSES, with_clean_victim=True)
    assert given.columns == (*FEATURES, CLEAN_VICTIM)
    with pytest.raises(DataError, match="needs the victim's answers"):
        given.predict(known(), CLASSES)
    assert given.predict(known(), CLASSES, np.zeros(30)).probability.shape == (30,)


def test_it_never_extrapolates_without_a_word(predictor):
    far = predictor.predict(known(scale=1e6), CLASSES)
    assert far.outside.any()
    assert any("lie outside what was fitted" in note for note in far.notes)
    near = Trials.of(points(), "misclassified")
    assert judge_predictor(predictor, near.points, CLASSES).area > 0.7


def test_what_is_not_known_is_outside_of_every_fit(predictor):
    given = TransferPredictor.fit(points(), CLASSES, with_clean_victim=True)
    clean = np.zeros(30)
    holes = {
        "surrogates": np.full((30, 2), np.nan),
        **{name: np.full(30, np.nan) for name in ("copies", "l2", "natural_ca1")},
    }
    for name, value in holes.items():
        found = predictor.predict(replace(known(), **{name: value}), CLASSES)
        assert found.outside.all(), name
        assert np.isfinite(found.probability).all(), name
    clean[3] = np.nan
    found = given.predict(known(), CLASSES, clean)
    assert found.outside[3]
    assert np.isfinite(found.probability).all()


def test_a_fit_that_nothing_was_left_out_of_says_that_its_worth_is_unknown():
    alone = TransferPredictor.fit(points().select(points().source == "a"), CLASSES)
    assert alone.tells is None
    assert any("could not be measured" in note for note in alone.predict(known(), CLASSES).notes)


def test_calibration_wants_probes(predictor):
    generator = np.random.default_rng(1)
    probes, wrong = known(60), generator.random(60) > 0.5
    few = replace_all(probes, slice(0, 19))
    with pytest.raises(DataError, match="19 labelled probes of vgg; at least 20"):
        predictor.calibrate("vgg", few, CLASSES, wrong[:19])
    with pytest.raises(DataError, match="all of the probes fooled vgg"):
        predictor.calibrate("vgg", probes, CLASSES, np.ones(60, dtype=bool))
    with pytest.raises(DataError, match="60 probes and 59 answers"):
        predictor.calibrate("vgg", probes, CLASSES, wrong[:59])
    some = predictor.calibrate("vgg", replace_all(probes, slice(0, 30)), CLASSES, wrong[:30])
    assert "not calibrated: only 30 labelled probes of vgg; 50 are needed" in some.predict(probes, CLASSES).notes
    enough = predictor.calibrate("vgg", probes, CLASSES, wrong)
    assert "calibrated to vgg by 60 labelled probes" in enough.predict(probes, CLASSES).notes
    rare = predictor.calibrate("vgg", probes, CLASSES, generator.random(60) > 0.9)
    assert rare.predict(probes, CLASSES).probability.mean() < predictor.predict(probes, CLASSES).probability.mean()


def replace_all(probes, rows):
    return Known(**{name: getattr(probes, name)[rows] for name in Known.__dataclass_fields__})


def test_the_file_gives_back_what_was_written(predictor, tmp_path):
    calibrated = predictor.calibrate("vgg", known(60), CLASSES, np.arange(60) % 2 == 0)
    for each in (predictor, calibrated):
        save_predictor(each, tmp_path / "p.json")
        again = load_predictor(tmp_path / "p.json")
        assert (again.about, again.left_out, again.columns) == (each.about, each.left_out, each.columns)
        before, after = each.predict(known(), CLASSES), again.predict(known(), CLASSES)
        for name in ("probability", "low", "high", "outside"):
            np.testing.assert_array_equal(getattr(before, name), getattr(after, name))
        assert before.notes == after.notes


def spoiled(content, how):
    content = json.loads(json.dumps(content))
    how(content)
    return json.dumps(content)


SPOILED = {
    "not JSON": lambda text: text[:100],
    "a list": lambda text: "[]",
    "another kind": lambda text: spoiled(json.loads(text), lambda c: c.update(kind="presoftmax natural reference")),
    "another version": lambda text: spoiled(json.loads(text), lambda c: c.update(version=99)),
    "a column too few": lambda text: spoiled(json.loads(text), lambda c: c["columns"].pop()),
    "a weight too few": lambda text: spoiled(json.loads(text), lambda c: c["fitted"]["weights"].pop()),
    "a weight that is text": lambda text: spoiled(json.loads(text), lambda c: c["fitted"].update(weights="x")),
    "no regression": lambda text: spoiled(json.loads(text), lambda c: c.pop("fitted")),
    "no resamples": lambda text: spoiled(json.loads(text), lambda c: c.update(resampled=[])),
    "a deviation of 0": lambda text: spoiled(json.loads(text), lambda c: c["fitted"].update(std=[0.0] * 5)),
    "nested without end": lambda text: "[" * 100_000,
    "something more": lambda text: spoiled(json.loads(text), lambda c: c.update(more=1)),
}


@pytest.mark.parametrize("how", SPOILED)
def test_a_file_that_is_not_whole_is_refused_in_one_line(predictor, tmp_path, how):
    path = tmp_path / "p.json"
    save_predictor(predictor, path)
    path.write_text(SPOILED[how](path.read_text()))
    with pytest.raises(DataError) as error:
        load_predictor(path)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)


def test_nothing_is_fitted_to_nothing():
    for wrong in (0.0, 1.0):
        same = points()
        own = same.source[:, None] == np.array(same.models.names)
        flags = np.where(own, 1.0, wrong)
        with pytest.raises(DataError, match="nothing can be fitted"):
            TransferPredictor.fit(replace(same, fooled={**same.fooled, "misclassified": flags}), CLASSES)
    with pytest.raises(DataError, match="nothing can be fitted"):
        TransferPredictor.fit(points(), CLASSES, criterion="targeted")


@pytest.mark.filterwarnings("ignore::presoftmax.errors.PresoftmaxWarning")
def test_judged_examples_get_a_probability_and_its_limits(predictor, tmp_path):
    network = Tiny(0)
    photos = make_set(network, 24)
    adversarial = ps.trace(attacks.bim(4, epsilon=16 / 255, alpha=4 / 255), network, photos).images
    path = tmp_path / "p.json"
    save_predictor(predictor, path)
    judged = ps.judge(network, photos, adversarial, surrogates=[Tiny(1)], predictor=path)
    table = judged.table
    for name in ("transfer_probability", "transfer_probability_low", "transfer_probability_high", "outside_fit"):
        assert table[name].null_count() == 0
    assert any("not calibrated to a victim" in note for note in judged.notes)
    with pytest.raises(DataError, match="a predictor needs surrogates"):
        measure(Examples(adversarial, photos), network, predictor=predictor)
    given = TransferPredictor.fit(points(), CLASSES, with_clean_victim=True)
    with pytest.raises(DataError, match="fit one without --clean-victim"):
        measure(Examples(adversarial, photos), network, surrogates=[Tiny(1)], predictor=given)
    other = replace(predictor, about=replace(predictor.about, classes=1000))
    with pytest.raises(DataError, match="fitted on models of 1000 classes"):
        measure(Examples(adversarial, photos), network, surrogates=[Tiny(1)], predictor=other)
    with pytest.raises(DataError, match="the targets of finished examples are not known"):
        measure(
            Examples(adversarial, photos),
            network,
            surrogates=[Tiny(1)],
            predictor=replace(predictor, criterion="targeted"),
        )
