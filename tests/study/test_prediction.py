"""A study tells what transfer can be told from: its copies, its points, its report, and the commands on it."""

import json

import numpy as np
import polars as pl
import pytest
import torch
from safetensors.torch import load_file

from presoftmax import numerics
from presoftmax.analysis.prediction import METHODS, RULE, Trials
from presoftmax.scores import expected_transfer, model_scale
from presoftmax.strength import COPIES, load_predictor
from presoftmax.study import Results, points_of
from tests.cli.running import run_main
from tests.study.conftest import model, run
from tests.study.panel import SIZE, Net


@pytest.fixture(scope="module")
def finished(pictures, tmp_path_factory):
    """A study of four networks, two of them of one family."""
    from presoftmax.study import StudyConfig

    config = StudyConfig.model_validate(
        {
            "models": [model("one"), model("two")],
            "victims": [model("three"), model("hungry")],
            "families": {model("three"): "pair", model("hungry"): "pair"},
            "images": {"path": str(pictures), "count": 24},
            "attacks": [
                {"kind": "over-optimized", "steps": 6, "alpha": 0.02, "discretization": "straight-through"},
                {"kind": "pgd", "goal": "untargeted", "steps": 4, "epsilon": "8/255", "alpha": "2/255"},
            ],
            "shard": 10,
            "gallery": 24,
        }
    )
    return run(config, tmp_path_factory.mktemp("study") / "out")


@pytest.fixture(scope="module")
def results(finished):
    return Results.of(finished)


def test_copies_are_what_the_source_says_to_the_images_of_the_iteration(results):
    unit = results.units[0]
    images = load_file(results.folder.unit_file(unit, "gallery.safetensors"))
    table = pl.read_parquet(results.folder.unit_file(unit, "copies.parquet"))
    steps = pl.read_parquet(results.folder.unit_file(unit, "steps.parquet"))
    assert set(table["copy"]) == set(COPIES)
    assert set(table["model"]) == {unit.source}
    iterations = sorted(map(int, images))
    assert table["iteration"].unique().sort().to_list() == iterations
    last = steps.filter(pl.col("iteration") == iterations[-1])
    for name in ("noise2", "right", "jpeg75"):
        with torch.no_grad():
            logits = Net()(COPIES[name](images[str(iterations[-1])]).float() / 255)
        rows = table.filter((pl.col("iteration") == iterations[-1]) & (pl.col("copy") == name))
        assert rows["example"].to_list() == last["example"].to_list()
        expected = numerics.misclassification_log_odds(logits, torch.tensor(last["label"].to_list()))
        np.testing.assert_allclose(rows["misclassification_log_odds"].to_numpy(), expected.numpy(), rtol=1e-4)
        group = numerics.group_log_odds(logits, torch.tensor(last["targets"].to_list(), dtype=torch.int64))
        np.testing.assert_allclose(rows["group_log_odds"].to_numpy(), group.numpy(), rtol=1e-4)


def test_points_are_the_tables_of_the_study(results):
    points = points_of(results)
    assert points.models.names == tuple(results.names.labels)
    assert points.models.families[2:] == ("pair", "pair")
    assert points.models.families[0] != points.models.families[1]
    assert points.models.values == 3 * SIZE * SIZE
    natural = results.folder.natural()
    for name, scale in zip(points.models.names, points.models.scales, strict=True):
        mine = natural.filter(pl.col("model") == name)["misclassification_log_odds"].to_numpy()
        assert scale == model_scale(mine)
    for attack, source in results.groups():
        mine = points.select((points.attack == attack) & (points.source == source))
        assert len(mine) > 0
        assert mine.iteration.min() > 0
        steps = results.steps(attack, source).collect()
        transfers = results.transfers(attack, source).collect()
        copies = results.copies(attack, source).collect()
        for i in (0, len(mine) // 2, len(mine) - 1):
            here = (pl.col("example") == mine.example[i]) & (pl.col("iteration") == int(mine.iteration[i]))
            start = (pl.col("example") == mine.example[i]) & (pl.col("iteration") == 0)
            (step,) = steps.filter(here).to_dicts()
            own = mine.models.names.index(source)
            assert mine.odds["misclassified"][i, own] == step["misclassification_log_odds"]
            assert mine.own["l2"][i] == step["l2"]
            assert mine.fooled["misclassified"][i, own] == (step["predicted"] != step["label"])
            for row in transfers.filter(here).to_dicts():
                column = mine.models.names.index(row["victim"])
                assert mine.odds["misclassified"][i, column] == row["misclassification_log_odds"]
                assert mine.fooled["misclassified"][i, column] == row["misclassified"]
                (clean,) = transfers.filter(start & (pl.col("victim") == row["victim"])).to_dicts()
                assert mine.clean[i, column] == clean["misclassification_log_odds"]
                if step["targets"]:
                    assert mine.odds["targeted"][i, column] == row["group_log_odds"]
                    assert mine.fooled["targeted"][i, column] == row["targeted"]
                else:
                    assert np.isnan(mine.fooled["targeted"][i, column])
            mean = copies.filter(here)["misclassification_log_odds"].mean()
            assert mine.copies["misclassified"][i] == pytest.approx(mean)


def test_the_rule_of_a_trial_is_that_of_the_other_families(results):
    trials = Trials.of(points_of(results), "misclassified")
    points, found = trials.points, METHODS[RULE](trials)
    names = points.models.names
    for i in (0, len(trials) - 1):
        row, victim = trials.row[i], trials.victim[i]
        allowed = [
            k
            for k, name in enumerate(names)
            if name != points.source[row] and points.models.families[k] != points.models.families[victim]
        ]
        asked = points.odds["misclassified"][row, allowed] / points.models.scales[allowed]
        own = points.copies["misclassified"][row] / points.models.scales[names.index(points.source[row])]
        assert found[i] == pytest.approx(expected_transfer(asked[None], np.array([own]))[0])


@pytest.mark.parametrize(("who", "models"), [("none", 0), ("all", 3)])
def test_copies_are_shown_to_whom_the_study_says(study, tmp_path, who, models):
    attack = {"kind": "over-optimized", "steps": 2, "alpha": 0.02, "discretization": "straight-through"}
    folder = run(study(copies=who, attacks=[attack], gallery=0, noise=False), tmp_path / "out")
    results = Results.of(folder)
    copies = results.copies(*results.groups()[0])
    assert (copies is None) == (models == 0)
    if copies is not None:
        assert copies.select(pl.col("model").n_unique()).collect().item() == models
    points = points_of(results)
    assert np.isfinite(points.copies["misclassified"]).all() == (models > 0)
    assert np.isfinite(points.scaled_copies("misclassified")).all()


def test_the_report_tells_it_and_judges_c12(finished):
    done = run_main(finished.path.parent, ["report", finished.path, "--json"])
    assert done.returncode == 0, done.stderr
    measured = json.loads(done.stdout)["claims"]["C12"]["measured"]
    assert {m["subject"].partition(",")[0] for m in measured} == {"misclassified", "targeted"}
    report = finished.path / "report"
    page = (report / "report.html").read_text(encoding="utf-8")
    assert "Can transfer be told from an example?" in page
    for name in ("prediction.json", "prediction.md", "figures/prediction-at-k.png", "figures/prediction-at-k.svg"):
        assert (report / name).stat().st_size > 0


def test_predict_fits_and_evaluates(finished, tmp_path):
    fitted = run_main(tmp_path, ["predict", "fit", finished.path, "--out", "p.json"])
    assert fitted.returncode == 0, fitted.stderr
    assert "fitted to" in fitted.stdout
    assert load_predictor(tmp_path / "p.json").about.images <= 24
    again = run_main(tmp_path, ["predict", "fit", finished.path, "--out", "p.json"])
    assert (again.returncode, again.stdout) == (2, "")
    assert "exists already" in again.stderr
    told = run_main(tmp_path, ["predict", "evaluate", finished.path, "--predictor", "p.json"])
    assert told.returncode == 0, told.stderr
    assert "area under the ROC curve" in told.stdout
    assert "of these the numbers are no test" in told.stdout
    plain = run_main(tmp_path, ["predict", "evaluate", finished.path, "--json"])
    content = json.loads(plain.stdout)
    (found,) = [each for each in content["criteria"] if each["criterion"] == "misclassified"]
    assert {"rule", "confidence", "ceiling: fitted to this victim"} <= {each["method"] for each in found["ranked"]}
    assert content["predictor"] is None


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["predict", "fit", "nothing"], "nothing"),
        (["predict", "evaluate", "nothing"], "nothing"),
        (["predict", "fit", "{study}", "--criterion", "luck"], "luck"),
        (["predict", "evaluate", "{study}", "--predictor", "nothing.json"], "nothing.json"),
        (["predict", "evaluate", "{study}", "--predictor", "{study}/study.json"], "not a transfer predictor"),
    ],
)
def test_bad_input_is_one_line(finished, tmp_path, arguments, word):
    done = run_main(tmp_path, [str(each).format(study=finished.path) for each in arguments])
    assert done.returncode == 2
    assert word in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("families", "word"), [({"nobody": "x"}, "'nobody' is not among the models"), ({model("one"): ""}, "families")]
)
def test_families_are_of_models_of_the_study(study, families, word):
    with pytest.raises(ValueError, match=word):
        study(families=families)
