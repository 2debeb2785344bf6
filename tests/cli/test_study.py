"""Studies from the command line: from init to report, how they fail, how they are interrupted."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
from PIL import Image

from presoftmax.analysis import log_spaced
from presoftmax.cli.signals import interruptible
from presoftmax.strength import COPIES
from presoftmax.study.config import StudyConfig
from presoftmax.study.presets import template
from presoftmax.study.tasks import SHOWN_ITERATIONS
from tests.study.conftest import model, pictures  # noqa: F401  a fixture

STUDY = """
title = "Tiny <b>nets</b>"
models = ["{one}", "{two}", "{three}"]
shard = 10
gallery = 2

[images]
path = "{images}"
count = 20

[[attacks]]
kind = "over-optimized"
steps = {steps}
alpha = 0.02
discretization = "straight-through"

[[attacks]]
kind = "multi-class"
steps = {steps}
alpha = [0.01, 0.02]
discretization = "straight-through"
"""


@pytest.fixture
def toml(tmp_path, pictures):  # noqa: F811
    path = tmp_path / "tiny.toml"
    names = {name: model(name) for name in ("one", "two", "three")}
    path.write_text(STUDY.format(**names, images=pictures, steps=15))
    return path


def test_from_plan_to_report(cli, toml, tmp_path):
    code, out, _ = cli("plan", toml, "--json")
    plan = json.loads(out)
    assert code == 0
    assert (plan["images"], plan["trajectories"], plan["units"]) == (20, 120, 12)
    assert plan["steps_rows"] == 120 * 16
    assert plan["transfers_rows"] == 2 * plan["steps_rows"]
    assert plan["backwards"] == 120 * 15
    assert plan["forwards"] == 120 * 16 * 3 + 120 * (2 + len(COPIES)) * len(log_spaced(15, SHOWN_ITERATIONS))
    assert plan["hours"] > 0
    assert not (tmp_path / "presoftmax-runs").exists()

    code, _, err = cli("run", toml)
    assert code == 0
    assert "12 units, 12 of them to be done" in err
    assert re.search(r"multi-class on panel:three, shard 1: .* 0 units left", err)
    folder = Path("presoftmax-runs/tiny")
    code, _, err = cli("run", toml)
    assert "12 units, 0 of them to be done" in err

    code, out, _ = cli("status", folder)
    assert code == 0
    assert "2/2" in out
    assert "finished: presoftmax report" in out
    assert json.loads(cli("status", folder, "--json")[1])["finished"] is True

    code, out, _ = cli("report", folder)
    assert code == 0
    for number in range(1, 12):
        assert f"C{number} " in out
    claims = json.loads((folder / "report" / "claims.json").read_text())
    assert json.loads(cli("report", folder, "--json")[1]) == claims
    page = (folder / "report" / "report.html").read_text()
    assert "Tiny &lt;b&gt;nets&lt;/b&gt;" in page
    assert "<b>nets" not in page
    for figure in ("figure1-over-optimized", "figure2-multi-class", "figure3", "figure4-over-optimized",
                   "figure5-multi-class"):  # fmt: skip
        with Image.open(folder / "report" / "figures" / f"{figure}.png") as image:
            assert image.width > 500
        assert (folder / "report" / "figures" / f"{figure}.svg").is_file()


def test_reproduce_with_a_panel_of_ones_own(cli, toml):
    code, out, _ = cli("reproduce", "--panel", toml, "--images", 3, "--steps", 2, "--json")
    assert code == 0
    claims = json.loads(out)
    assert claims["config"]["images"]["count"] == 3
    assert {entry["verdict"] for entry in claims["claims"].values()} == {"not measurable here"}
    assert cli("reproduce", "--panel", toml, "--images", 3, "--steps", 2)[0] == 0


def test_init_writes_a_study_that_loads_and_overwrites_nothing(cli, tmp_path):
    code, out, _ = cli("init")
    assert code == 0
    assert "presoftmax plan study.toml" in out
    StudyConfig.load(tmp_path / "study.toml")
    code, _, err = cli("init")
    assert (code, err) == (2, "presoftmax: error: study.toml: exists already\n")


MODELS_OF = pytest.mark.parametrize(
    "names",
    [
        ["net.py:resnet"], ["net.py:resnet", "net.py:vgg"], ["my nets/a,b.py:one", "net.py:vgg"],
        ['say "hi".py:one'], ["torchvision/vgg16", "efficientnet_lite0"], ["ü\\n.py:one"],
        ["net.py:vgg?weights=w.pt"],
    ],
)  # fmt: skip


@MODELS_OF
@pytest.mark.parametrize("images", ["photos/", "photos, new", 'the "best" \\ones', "samples", "images.npz"])
@pytest.mark.parametrize("labels", [None, "labels.csv"])
def test_init_writes_a_study_of_ones_own(cli, tmp_path, names, images, labels):
    for name in names:
        if ".py:" in name:
            file = tmp_path / name.partition(":")[0]
            file.parent.mkdir(exist_ok=True)
            file.write_text("print('loud')\ndef one(): ...\ndef resnet(): ...\ndef vgg(): ...\n")
    Path("w.pt").touch()
    Path("labels.csv").touch()
    if images == "images.npz":
        Path(images).touch()
    elif images != "samples":
        Path(images).mkdir()
    quoted = ",".join('"' + name.replace('"', '""') + '"' for name in names)
    more = ("--labels", labels) if labels else ()
    code, out, _ = cli("init", "--models", quoted, "--images", images, *more, "mine.toml")
    assert (code, out) == (0, "mine.toml holds a study of your own; next: presoftmax plan mine.toml\n")
    config = StudyConfig.load("mine.toml")
    assert (config.models, config.images.path, config.images.labels) == (names, images, labels)
    untouched = {"title", "attacks", "shard", "copies", "gallery", "seed", "precision"}
    assert config.model_dump(include=untouched) == _template_config().model_dump(include=untouched)
    assert Path("mine.toml").read_text().count("#") >= template().count("#") - 1


def _template_config():
    return StudyConfig.model_validate(tomllib.loads(template()))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["--models", "nowhere.py:net"], "no file nowhere.py"),
        (["--models", "net.py:vgg,net.py:nothing"], "no model 'nothing' in net.py; there are resnet, vgg"),
        (["--models", "net.py:vgg,torchvision/vgg17"], "no model 'torchvision/vgg17'; near: torchvision/vgg"),
        (["--models", "net.py:vgg,net.py:vgg"], "error: models: 'net.py:vgg' is named twice"),
        (["--models", "net.py:vgg?weights=w.pt"], "no file w.pt"),
        (["--models", "broken.py:net"], "broken.py: ZeroDivisionError"),
        (["--models", "net.onnx"], "it can be a victim, nothing else"),
        (["--models", '"net.py:vgg'], "--models"),
        (["--models", "net.py:vgg", "--images", "nowhere"], "nowhere: no such folder or file of images"),
        (["--images", "nowhere"], "nowhere: no such folder or file of images"),
        (["--images", ""], "is no path"),
        (["--images", "photos", "--labels", "nowhere.csv"], "nowhere.csv: no such CSV of labels"),
        (["--labels", "labels.csv"], "labels go with images"),
        (["--images", "photos\udcff"], "no text, which a study's file is"),
    ],
)
def test_init_refuses_what_is_not_there(cli, tmp_path, given, words):
    Path("net.py").write_text("def resnet(): ...\ndef vgg(): ...\n")
    Path("broken.py").write_text("1 / 0")
    Path("labels.csv").touch()
    for name in ("photos", "photos\udcff"):
        Path(name).mkdir()
    before = sorted(tmp_path.iterdir())
    code, out, err = cli("init", *given)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert words in err
    assert [each for each in sorted(tmp_path.iterdir()) if each.name != "__pycache__"] == before


def test_a_study_of_ones_own_begins_with_models_or_images(cli, tmp_path):
    Path("photos").mkdir()
    assert (
        cli("init", "--images", "photos")[1]
        == "study.toml holds a study of your own; next: presoftmax plan study.toml\n"
    )
    assert _template_config().models == StudyConfig.load("study.toml").models
    code, out, _ = cli("init", "--models", "torchvision/vgg16", "other.toml")
    assert (code, "say in it where your images are, then: presoftmax plan other.toml" in out) == (0, True)
    assert StudyConfig.load("other.toml").images == _template_config().images


def test_errors_are_one_line(cli, toml, tmp_path):
    def error(*arguments):
        code, out, err = cli(*arguments)
        assert (code, out) == (2, "")
        lines = [line for line in err.splitlines() if line.startswith("presoftmax: error: ")]
        assert len(lines) == 1
        return lines[0]

    assert "--imagenet DIR" in error("reproduce")
    assert "elsewhere: no such folder" in error("reproduce", "--imagenet", "elsewhere")
    assert "no panel 'mine'" in error("reproduce", "--panel", "mine")
    assert "no.toml: No such file" in error("run", "no.toml")
    assert "not the folder of a study" in error("run", tmp_path)
    assert "not the folder of a study" in error("status", tmp_path / "nowhere")
    assert "--address goes with --engine ray" in error("run", toml, "--address", "auto")
    assert "device 'nowhere'" in error("run", toml, "--device", "nowhere")
    toml.write_text(toml.read_text().replace("shard", "shards"))
    assert re.search(r"tiny\.toml:4: shards: there is no such setting", error("run", toml))


def test_a_report_of_an_unfinished_study_is_refused(cli, toml):
    cli("run", toml)
    next(Path("presoftmax-runs/tiny/parts").rglob("steps.parquet")).unlink()
    code, _, err = cli("report", "presoftmax-runs/tiny")
    assert code == 2
    assert "1 of 12 units are missing or damaged" in err
    assert cli("run", "presoftmax-runs/tiny")[0] == 0
    assert cli("report", "presoftmax-runs/tiny")[0] == 0


@pytest.mark.usefixtures("signals_arrive")
@pytest.mark.parametrize(
    ("name", "status", "options"),
    [("SIGINT", 130, []), ("SIGINT", 130, ["--device", "cpu,cpu"]), ("SIGTERM", 143, []), ("SIGHUP", 129, [])],
)
def test_a_signal_ends_a_run_with_a_line_that_says_how_to_go_on(toml, tmp_path, name, status, options):
    toml.write_text(toml.read_text().replace("steps = 15", "steps = 200000"))
    command = [sys.executable, "-m", "presoftmax", "run", str(toml), *options]
    process = subprocess.Popen(
        command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("presoftmax-runs/tiny/selection.json")) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    os.killpg(process.pid, getattr(signal, name))
    _, err = process.communicate(timeout=60)
    assert process.returncode == status
    assert err.splitlines()[-1].startswith("presoftmax: interrupted; run again to go on")
    assert "Traceback" not in err
    assert not list(tmp_path.rglob("*.partial"))


@pytest.mark.usefixtures("signals_arrive")
def test_any_command_ends_with_a_line_and_its_status(cli, monkeypatch, tmp_path):
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)):
        monkeypatch.setattr("presoftmax.cli.models.show_models", lambda *_, number=number: signal.raise_signal(number))
        assert cli("models") == (status, "", "presoftmax: interrupted\n")
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError(), "memory is too small"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory: you tried"), "memory is too small"),
        (RecursionError("maximum recursion depth exceeded"), "nested too deeply"),
    ],
)
def test_memory_and_nesting_are_a_line(cli, monkeypatch, error, words):
    def fails(*_):
        raise error

    monkeypatch.setattr("presoftmax.cli.models.show_models", fails)
    code, _, err = cli("models")
    assert (code, err.count("\n")) == (2, 1)
    assert words in err
    monkeypatch.setattr("presoftmax.cli.models.show_models", lambda *_: [].pop())
    with pytest.raises(IndexError):
        cli("models")


def test_a_signal_that_is_ignored_stays_so():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruptible():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
