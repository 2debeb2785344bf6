"""`presoftmax guard`: fit, check, evaluate; what they say, write and refuse."""

import json

import numpy as np
import polars as pl
import pytest
from PIL import Image

from presoftmax.tables import ATTEMPTS, DETECTIONS, NATURAL_STATISTICS, polars_schema
from tests.conftest import Tiny, make_set

NET = """
import presoftmax as ps
from tests.conftest import Tiny
def net(): return ps.Classifier(Tiny(), preprocessing=ps.Preprocessing(6), classes=list("abcdefg"))
def other(): return ps.Classifier(Tiny(seed=2), preprocessing=ps.Preprocessing(6))
"""
STUDY = """
title = "<b>$x$"
models = ["m.py:net"]
victims = ["m.py:other"]
[images]
path = "photos.npz"
[[attacks]]
kind = "over-optimized"
name = "o"
steps = 3
[[attacks]]
kind = "pgd"
steps = 3
goal = "untargeted"
[defense]
attacked = 3
fit = 60
held_out = 30
controls = { "<i>mine" = "photos.npz" }
given = [{ name = "theirs", source = "m.py:net", images = "photos.npz" }]
"""


@pytest.fixture
def room(tmp_path):
    """A model, and photos as a folder and as arrays; labels are the model's own."""
    (tmp_path / "m.py").write_text(NET)
    (tmp_path / "photos").mkdir()
    photos = make_set(Tiny(), 120)
    for at, image in enumerate(photos.images[:60]):
        Image.fromarray(image.permute(1, 2, 0).numpy()).save(tmp_path / "photos" / f"{at}.png")
    labels = photos.labels.clone()
    labels[60::9] = (labels[60::9] + 1) % 7
    np.savez(tmp_path / "photos.npz", images=photos.images.numpy(), labels=labels.numpy())
    np.savez(tmp_path / "few.npz", images=photos.images[:30].numpy(), labels=labels[:30].numpy())
    return tmp_path


@pytest.mark.parametrize("out", ["guard.json", "sub.safetensors"])
def test_fit_then_check(cli, room, out):
    code, said, warned = cli("guard", "fit", "m.py:net", "photos", "--out", out, "--detector", "max-logit")
    assert code == 0, warned
    assert "fitted on 60 natural images" in said
    assert "not security" in said
    assert "3.2 %, the smallest" in warned
    code, said, _ = cli("guard", "check", "photos", "--guard", out, "--json")
    answer = json.loads(said)
    assert code == (answer["flagged"] > 0)
    assert len(answer["images"]) == 60
    assert answer["images"][0]["class"] in "abcdefg"
    assert {row["flagged"] for row in answer["images"] if row["p_value"] > 1 / 31} == {False}


def test_check_ends_with_1_when_something_is_flagged(cli, room):
    cli("guard", "fit", "m.py:net", "photos", "--detector", "energy", "--fpr", "0.5")
    code, said, _ = cli("guard", "check", "photos")
    assert code == 1
    assert "flagged" in said
    quiet = next(
        row for row in json.loads(cli("guard", "check", "photos", "--json")[1])["images"] if not row["flagged"]
    )
    code, said, _ = cli("guard", "check", f"photos/{quiet['example']}.png")
    assert (code, "0 of 1 flagged" in said) == (0, True)


def test_evaluate_writes_tables_figures_and_a_page_in_which_names_are_text(cli, room):
    (room / "s.toml").write_text(STUDY)
    code, said, warned = cli("guard", "evaluate", "s.toml", "--out", "out")
    assert code == 0, warned
    assert "costs an attacker who knows it" in said
    page = (room / "out" / "defense.html").read_text()
    assert "<b>$x$" not in page
    assert "<i>mine" not in page
    assert {path.name for path in (room / "out" / "figures").glob("*.png")} >= {"roc-first.png", "statistic.png"}
    for name, columns in (
        ("natural_statistics", NATURAL_STATISTICS),
        ("detections", DETECTIONS),
        ("attempts", ATTEMPTS),
    ):
        assert pl.read_parquet(room / "out" / f"{name}.parquet").schema == polars_schema(columns)
    attackers = set(pl.read_parquet(room / "out" / "attempts.parquet")["attacker"])
    assert attackers >= {"unaware", "penalized", "selective", "orthogonal"}
    summary = json.loads((room / "out" / "run.json").read_text())
    assert summary["held_out"] == 30
    # What is refused leaves nothing behind.
    code, _, error = cli("guard", "evaluate", "s.toml", "--out", "out")
    assert (code, "exists already" in error) == (2, True)


def changed(old, new):
    return lambda text: text.replace(old, new)


REFUSED = {
    "no attacker 'qq'": changed("[defense]", '[defense]\nattackers = ["qq"]'),
    "no detector 'qq'": changed("[defense]", '[defense]\ndetectors = ["qq"]'),
    "no detector 'zz'": changed("[defense]", '[defense]\nagainst = ["zz"]'),
    "no attack is called 'qq'": changed("[defense]", '[defense]\npriced = ["qq"]'),
    "'m.py:nothing' is not among the models": changed('source = "m.py:net"', 'source = "m.py:nothing"'),
    "30 natural images besides the attacked ones": changed("[defense]", '[defense]\nnatural = "few.npz"'),
    "nowhere: ": changed("[defense]", '[defense]\nnatural = "nowhere"'),
    "there is no such setting": changed("attacked = 3", "attack = 3"),
    "restarts": changed("attacked = 3", "attacked = 3\nrestarts = 0"),
}


@pytest.mark.parametrize("said", REFUSED)
def test_a_defense_that_makes_no_sense_is_refused_in_one_line(cli, room, said):
    (room / "s.toml").write_text(REFUSED[said](STUDY))
    code, _, error = cli("guard", "evaluate", "s.toml", "--out", "out")
    lines = [line for line in error.splitlines() if line.startswith("presoftmax: error")]
    assert (code, len(lines)) == (2, 1), error
    assert said in lines[0]
    assert not (room / "out").exists()


BAD = {
    "exists already": ("fit", "m.py:net", "photos", "--out", "m.py"),
    "as .json or .safetensors": ("fit", "m.py:net", "photos", "--out", "g.pkl"),
    "no detector 'qq'": ("fit", "m.py:net", "photos", "--detector", "qq"),
    "nothing: no such folder": ("fit", "m.py:net", "nothing"),
    "between 0 and 1, got 3": ("fit", "m.py:net", "photos", "--fpr", "3"),
    "takes 99 natural images": ("fit", "m.py:net", "photos", "--fpr", "0.01"),
    "nowhere.json: No such file": ("check", "photos", "--guard", "nowhere.json"),
    "not a guard": ("check", "photos", "--guard", "m.py"),
    "nothing: no such": ("check", "nothing", "--guard", "m.py"),
}


@pytest.mark.parametrize("said", BAD)
def test_bad_input_is_told_in_one_line_and_leaves_nothing(cli, room, said):
    before = sorted(room.rglob("*"))
    code, _, error = cli("guard", *BAD[said])
    lines = [line for line in error.splitlines() if not line.startswith("presoftmax: warning")]
    assert (code, len(lines)) == (2, 1), error
    assert said in lines[0]
    assert [path for path in sorted(room.rglob("*")) if "__pycache__" not in path.parts] == before


def test_a_guard_is_refused_for_another_model(cli, room):
    cli("guard", "fit", "m.py:net", "photos", "--detector", "energy")
    code, _, error = cli("guard", "check", "photos", "--model", "m.py:other")
    assert (code, "answers otherwise" in error) == (2, True)


def test_too_few_images_for_a_detector(cli, room):
    for at in range(19, 60):
        (room / "photos" / f"{at}.png").unlink()
    code, _, error = cli("guard", "fit", "m.py:net", "photos")
    assert (code, "at least 20 natural images" in error) == (2, True)
    assert not (room / "guard.json").exists()
