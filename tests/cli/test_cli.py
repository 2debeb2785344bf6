"""The command line as a user meets it: what it prints, what it writes, how it fails, how it is interrupted."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from PIL import Image

from presoftmax.cli.demo import _victim_headings
from presoftmax.cli.display import plain_table, say, terminal
from presoftmax.models.catalog import load_model
from presoftmax.scores.natural import NaturalReference
from presoftmax.storage.run_folder import RunFolder
from presoftmax.tables import schema
from tests.cli.running import run_main
from tests.conftest import make_set

MODELS = """
import sys, time, torch
sys.path.insert(0, {root!r})
from tests.conftest import Tiny
from presoftmax import Classifier, Preprocessing

def wrap(network):
    return Classifier(network, preprocessing=Preprocessing(6), classes=["<b>bold</b>", *"bcdefg"])

def near():
    network = Tiny(0)
    with torch.no_grad():
        for mine, far in zip(network.parameters(), Tiny(5).parameters()):
            mine.add_(far, alpha=0.3)
    return network

def source(): return wrap(Tiny(0))
def victim(): return wrap(near())
def other(): return Classifier(Tiny(5, classes=4), preprocessing=Preprocessing(6))
def slow():
    network = Tiny(0)
    network.register_forward_pre_hook(lambda *_: time.sleep(0.1))
    return wrap(network)
def noisy():
    network = near()
    network.register_forward_pre_hook(lambda *_: print("noise"))
    return wrap(network)
def nan():
    network = Tiny(5)
    network.head.bias.data[0] = float("nan")
    return wrap(network)
def probabilities(): return wrap(torch.nn.Sequential(Tiny(5), torch.nn.Softmax(1)))
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Models in a Python file, and photos that source and victim both get right, with their labels."""
    root = tmp_path_factory.mktemp("place")
    (root / "m.py").write_text(MODELS.format(root=str(Path(__file__).parents[2])))
    source, victim = (load_model(f"{root}/m.py:{name}", device="cpu") for name in ("source", "victim"))
    photos = make_set(source, count=60)
    with torch.no_grad():
        right = victim(photos.images).argmax(1) == photos.labels
    chosen = photos.select(right.nonzero()[:, 0].tolist()[:6])
    assert len(chosen) == 6
    (root / "photos").mkdir()
    lines = ["file,label"]
    for name, image, label in zip(chosen.ids, chosen.images, chosen.labels, strict=True):
        Image.fromarray(image.permute(1, 2, 0).numpy()).save(root / "photos" / f"{name}.png")
        lines.append(f"{name}.png,{label}")
    (root / "labels.csv").write_text("\n".join(lines) + "\n")
    return root


def options(*more, source="source", victims="victim", photos="photos", labels="labels.csv", out="out"):
    names = ",".join(f"m.py:{name}" for name in victims.split(",")) if victims else ""
    return [
        "demo", "--source", f"m.py:{source}", "--victims", names, "--device", "cpu",
        "--photos", photos, "--labels", labels, "--steps", "6", "--alpha", "0.5", "--out", str(out), *more,
    ]  # fmt: skip


def run(place, *more, **names):
    return run_main(place, options(*more, **names))


@pytest.fixture(scope="module")
def finished(place):
    done = run(place, "--json", out="finished")
    assert done.returncode == 0, done.stderr
    return done, RunFolder.open(place / "finished")


def test_json_is_one_object_of_the_documented_form(finished):
    done, folder = finished
    found = json.loads(done.stdout)
    assert list(found) == ["source", "victims", "images", "attacks", "run"]
    assert (found["source"], found["victims"], found["images"], found["run"]) == (
        "m:source",
        ["m:victim"],
        6,
        "finished",
    )
    assert list(found["attacks"]) == ["over-optimized", "multi-class"]
    for attack in found["attacks"].values():
        assert list(attack) == ["iteration", "confidence", "ca1", "ca2", "log_odds", "saturated", "transfer"]
        assert attack["iteration"] == list(range(7))
        assert all(len(attack[name]) == 7 for name in ("confidence", "ca1", "ca2", "log_odds", "saturated"))
        assert {name: len(values) for name, values in attack["transfer"]["m:victim"].items()} == {
            "misclassified": 7, "targeted": 7,
        }  # fmt: skip
        assert attack["transfer"]["m:victim"]["misclassified"][0] == 0
    assert found["attacks"]["over-optimized"]["ca1"][-1] > found["attacks"]["over-optimized"]["ca1"][0]
    means = folder.steps().group_by("attack", "iteration").agg(pl.col("ca1").mean())
    last = means.filter(attack="multi-class", iteration=6)["ca1"].item()
    assert found["attacks"]["multi-class"]["ca1"][-1] == pytest.approx(last)


def test_tables_carry_the_schema_and_the_settings(finished):
    _, folder = finished
    assert folder.steps().schema == schema.polars_schema(schema.STEPS)
    assert folder.transfers().schema == schema.polars_schema(schema.TRANSFERS)
    assert folder.steps().height == 2 * 6 * 7 == folder.transfers().height
    settings = json.loads(pl.read_parquet_metadata(folder.path / "steps.parquet")["presoftmax"])
    assert settings["complete"] is True
    described = settings["attacks"]["multi-class"]
    assert (described["seed"], described["attack"]["steps"]) == (0, 6)
    assert described["versions"]["torch"]


def test_a_saved_png_gives_the_recorded_logits_bit_for_bit(place, finished):
    _, folder = finished
    source, victim = (load_model(f"{place}/m.py:{name}", device="cpu") for name in ("source", "victim"))
    ids = folder.summary()["examples"]
    for attack in ("over-optimized", "multi-class"):
        paths = [folder.image_path(attack, number, name, 6) for number, name in enumerate(ids)]
        images = torch.stack([torch.from_numpy(np.array(Image.open(path))).permute(2, 0, 1) for path in paths])
        assert images.dtype == torch.uint8
        with torch.no_grad():
            logits, answer = source(images), victim(images)
        rows = folder.steps().filter(attack=attack, iteration=6)
        assert rows["ca1"].to_list() == logits.amax(1).tolist()
        assert rows["ca2"].to_list() == logits.topk(2).values[:, 1].tolist()
        shown = folder.transfers().filter(attack=attack, iteration=6)
        assert shown["ca1"].to_list() == answer.amax(1).tolist()


class _Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.sources, self.tags = [], set()

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.sources += [value for name, value in attributes if name in ("src", "href")]


def test_the_report_needs_nothing_else_and_escapes_names(finished):
    _, folder = finished
    text = (folder.path / "report.html").read_text()
    links = _Links()
    links.feed(text)
    assert len(links.sources) >= 6 + 2 * 1  # the figures, and at least one example with its clean photo
    assert all(source.startswith("data:image/png;base64,") for source in links.sources)
    assert "<b>bold" not in text
    assert not re.search(r"https?://", text)
    names = {path.name for path in (folder.path / "figures").iterdir()}
    stems = (
        "strength",
        "iterations",
        "transfer-over-optimized",
        "transfer-multi-class",
        "gallery-over-optimized",
        "gallery-multi-class",
    )
    assert names == {f"{stem}.{kind}" for stem in stems for kind in ("png", "svg")}
    assert not list(folder.path.rglob("*.partial"))


def test_without_json_the_table_and_the_sentences_are_printed(place):
    done = run(place, "--classes", "3", out="plain")
    assert done.returncode == 0, done.stderr
    assert "over-optimized" in done.stdout
    assert "log-odds" in done.stdout
    assert "Multi-class, 3 classes at once" in done.stdout
    assert "6 photos of 6 looked at" in done.stderr
    assert "presoftmax explore plain" in done.stdout.splitlines()
    assert done.stdout.splitlines()[-1] == str(Path("plain") / "report.html")


@pytest.mark.parametrize("width", [60, 80, 200])
def test_no_name_of_a_victim_is_broken(width):
    names = ["efficientnet_lite1", "a model with a long name"]
    headings = _victim_headings(names, width)
    if width == 200:
        assert headings == [f"fools\n{name}" for name in names]
    else:
        assert headings == ["fools 1", "fools 2"]
    assert _victim_headings([], width) == []


def test_without_victims_and_with_logits_held_level(place):
    done = run(place, "--json", "--balance", "level", victims="", out="alone")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["attacks"]["multi-class"]["transfer"] == {}
    names = {path.name for path in (place / "alone" / "figures").glob("*.png")}
    assert names == {
        f"{name}.png" for name in ("strength", "iterations", "gallery-over-optimized", "gallery-multi-class")
    }


def test_what_a_model_prints_does_not_get_into_the_json(place):
    done = run(place, "--json", victims="noisy", out="noisy")
    assert json.loads(done.stdout)["victims"] == ["m:noisy"]
    assert "noise" in done.stderr


def test_the_same_seed_gives_the_same_tables(place, finished):
    _, folder = finished
    assert run(place, "--json", out="again").returncode == 0
    again = RunFolder.open(place / "again")
    assert again.steps().equals(folder.steps())
    assert run(place, "--json", "--seed", "1", out="other-seed").returncode == 0
    assert not RunFolder.open(place / "other-seed").steps().equals(folder.steps())


def corrupt_photos(place):
    folder = place / "bad-photos"
    folder.mkdir(exist_ok=True)
    (folder / "a.png").write_bytes(min((place / "photos").iterdir()).read_bytes()[:50])
    (place / "bad.csv").write_text("file,label\na.png,0\n")


@pytest.mark.parametrize(
    ("names", "more", "message"),
    [
        ({"source": "sauce"}, (), "no model 'sauce' in m.py"),
        ({"victims": "other"}, (), "different numbers of classes: m:source 7, m:other 4"),
        ({"victims": "nan"}, (), "model m:nan returned NaN or infinity for all of"),
        ({"victims": "probabilities"}, (), "model m:probabilities returns probabilities, not logits"),
        ({"photos": "empty"}, (), "empty: no images"),
        ({"photos": "nowhere"}, (), "nowhere: no such folder or file of images"),
        ({"labels": "none.csv"}, (), "none.csv: no such CSV of labels"),
        ({"labels": "high.csv"}, (), "label 99 of image"),
        ({"labels": "wrong.csv"}, (), "none of 6 images is classified correctly by every model"),
        (
            {"photos": "bad-photos", "labels": "bad.csv"},
            (),
            "1 could not be read, the first: bad-photos/a.png",
        ),
        ({"out": "labels.csv"}, (), "labels.csv: exists already; give another folder with --out"),
        ({"out": "photos"}, (), "photos: exists already"),
        ({"out": "labels.csv/run"}, (), "labels.csv/run: cannot be made"),
        ({}, ("--alpha", "-1"), "alpha must be positive"),
        ({}, ("--classes", "7"), "cannot draw 7 targets"),
        ({}, ("--steps", "0"), "Invalid value for '--steps'"),
        ({}, ("--discretization", "never"), "Invalid value for '--discretization'"),
        ({}, ("--device", "warp"), "device"),
    ],
)
def test_errors_are_one_line_and_leave_nothing_behind(place, names, more, message):
    (place / "empty").mkdir(exist_ok=True)
    corrupt_photos(place)
    rows = (place / "labels.csv").read_text().splitlines()
    (place / "high.csv").write_text("\n".join([*rows[:3], rows[3].rpartition(",")[0] + ",99", *rows[4:]]))
    wrong = [f"{line.rpartition(',')[0]},{(int(line.rpartition(',')[2]) + 1) % 7}" for line in rows[1:]]
    (place / "wrong.csv").write_text("\n".join([rows[0], *wrong]))
    before = sorted(place.rglob("*"))
    done = run(place, "--json", *more, **({"out": "failed"} | names))
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    if "Invalid value" not in message:
        assert done.stderr.splitlines()[-1].startswith("presoftmax: error: ")
    assert [path for path in sorted(place.rglob("*")) if "__pycache__" not in path.parts] == [
        path for path in before if "__pycache__" not in path.parts
    ]


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
@pytest.mark.usefixtures("signals_arrive")
@pytest.mark.parametrize(("number", "status"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_signal_leaves_what_was_finished_readable_and_says_where(place, number, status):
    out = f"stopped-{number}"
    arguments = [sys.executable, "-m", "presoftmax", *options("--steps", "300", source="slow", out=out)]
    process = subprocess.Popen(arguments, cwd=place, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    # The first PNGs are written with the first block of iterations.
    while not list((place / out).glob("images/*/*/*.png")) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1.2)
    process.send_signal(getattr(signal, number))
    _, errors = process.communicate(timeout=60)
    assert process.returncode == status, errors
    assert re.search(
        r"interrupted at iteration \d+ of 300 of the over-optimized attack; what was finished is in " + out,
        errors,
    )
    assert "Traceback" not in errors
    folder = RunFolder(place / out)
    reached = folder.steps().group_by("example").agg(pl.col("iteration").max())["iteration"].unique().to_list()
    assert len(reached) == 1
    assert 0 < reached[0] < 300
    assert folder.steps().height == 6 * (reached[0] + 1)
    settings = json.loads(pl.read_parquet_metadata(folder.path / "steps.parquet")["presoftmax"])
    assert settings["complete"] is False


def test_help_does_not_import_torch():
    code = """
import sys
from presoftmax.cli import main
sys.argv = ["presoftmax", "--help"]
try:
    main()
except SystemExit:
    print("torch" in sys.modules, "polars" in sys.modules, file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "demo" in done.stdout
    assert done.stderr.strip() == "False False"


def test_models_are_listed():
    done = run_main(Path.cwd(), ["models", "--json"])
    listed = {entry["name"]: entry for entry in json.loads(done.stdout)}
    assert {"efficientnet_lite0", "torchvision/vgg16", "FILE.py:FUNCTION"} <= set(listed)
    assert set(listed["torchvision/vgg16"]) == {"name", "available", "needs"}
    none = run_main(Path.cwd(), ["models", "zzz"])
    assert none.returncode == 2
    assert "no model whose name contains 'zzz'" in none.stderr


def presoftmax(place, *arguments):
    return run_main(place, arguments)


def test_saturation_prints_one_json_object_and_draws_its_figure(place):
    done = presoftmax(place, "saturation", "--classes", "2", "--json", "--figure", "s.png")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["device"], found["torch"]) == ("cpu", torch.__version__)
    rows = {row["format"]: row for row in found["rows"]}
    assert {"format", "classes", "gap_measured", "gap_derived", "log_odds_derived"} <= set(rows["float32"])
    assert rows["float32"]["gap_measured"] == pytest.approx(16.64, abs=0.01)
    assert (place / "s.png").is_file()
    assert (place / "s.svg").is_file()
    plain = presoftmax(place, "saturation", "--classes", "2")
    assert re.search(r"float32 +2 +16\.6\d", plain.stdout)
    assert presoftmax(place, "saturation", "--classes", "1").returncode == 2
    assert "device 'warp' cannot be used here" in presoftmax(place, "saturation", "--device", "warp").stderr


@pytest.fixture(scope="module")
def many(place):
    """Thirty unlabeled photos in a flat folder, and a corrupt one."""
    folder = place / "many"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(30):
        Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)).save(folder / f"{i:02d}.png")
    (folder / "bad.png").write_bytes(b"bad")
    return folder


def test_audit_of_unlabeled_images(place, many):
    done = presoftmax(place, "audit", "m.py:source", "many", "--json", "--out", "audited", "--device", "cpu")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["model"], found["images"], found["accuracy"]) == ("m:source", 30, None)
    assert set(found["ranges"]) == {"ca1", "log_odds", "margin", "logsumexp"}
    reference = NaturalReference.load(place / found["reference"])
    assert (reference.model, reference.classes, reference.images) == ("m:source", 7, 30)
    assert reference.quantiles["ca1"]["1"] == pytest.approx(found["ranges"]["ca1"]["1"])
    files = {str(path.relative_to(place / "audited")) for path in (place / "audited").rglob("*") if path.is_file()}
    assert files == {"audit.html", "run.json", "natural.json", "figures/natural.png", "figures/natural.svg"}
    links = _Links()
    links.feed((place / "audited" / "audit.html").read_text())
    assert all(source.startswith("data:image/png;base64,") for source in links.sources)
    assert [entry["file"] for entry in json.loads((place / "audited" / "run.json").read_text())["skipped"]] == [
        "many/bad.png"
    ]


def test_audit_with_labels_and_too_few_images_for_a_reference(place):
    done = presoftmax(
        place, "audit", "m.py:source", "photos", "--labels", "labels.csv", "--out", "few", "--device", "cpu"
    )
    assert done.returncode == 0, done.stderr
    assert "m:source on 6 natural images, 100 % of them classified correctly" in done.stdout
    assert "none (20 images are needed)" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("m.py:source", "nowhere"), "nowhere: no such folder or file of images"),
        (("m.py:nothing", "photos"), "no model 'nothing' in m.py"),
        (("m.py:probabilities", "photos"), "returns probabilities, not logits"),
        (("m.py:source", "photos", "--labels", "gone.csv"), "gone.csv: no such CSV of labels"),
    ],
)
def test_audit_errors(place, arguments, message):
    done = presoftmax(place, "audit", *arguments, "--out", "failed", "--device", "cpu")
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (place / "failed").exists()


def test_text_with_brackets_is_printed_as_it_is(capsys):
    texts = ["pip install 'presoftmax[timm]'", "[red]class[/red]", "[/]", ":smile:", "a\\[b]"]
    table = plain_table(["[x]"], left=["[x]"])
    for text in texts:
        table.add_row(text)
    console = terminal()
    say(console, " ".join(texts))
    console.print(table)
    printed = capsys.readouterr().out
    for text in ["[x]", *texts]:
        assert text in printed
    assert " ".join(texts) in printed
