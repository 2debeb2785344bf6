"""Every table that any command writes has the columns that the schema documents."""

import errno
import json
from unittest.mock import Mock

import numpy as np
import polars as pl
import pytest
import torch
from safetensors.torch import save_file

import presoftmax as ps
from presoftmax.storage import _disk
from presoftmax.tables import TABLES, polars_schema
from tests.cli.running import run_main
from tests.cli.test_cli import options, place  # noqa: F401  a fixture
from tests.study.conftest import model, pictures  # noqa: F401  a fixture

STUDY = """
models = ["{one}", "{two}"]
[images]
path = "{images}"
count = 6
[[attacks]]
kind = "over-optimized"
steps = 3
alpha = 0.02
[[attacks]]
kind = "bim"
steps = 3
[defense]
attacked = 4
priced = ["bim"]
detectors = ["energy"]
against = ["energy"]
"""


WRITERS = {
    "a.npz": lambda path, images, labels: np.savez(path, images=images, labels=labels),
    "a.pt": lambda path, images, labels: torch.save(
        {"images": torch.tensor(images).float() / 255, "labels": torch.tensor(labels)}, path
    ),
    "A.SAFETENSORS": lambda path, images, labels: save_file(
        {"images": torch.tensor(images), "labels": torch.tensor(labels)}, path
    ),
}


@pytest.mark.parametrize("name", WRITERS)
def test_the_demo_takes_a_file_of_arrays(place, tmp_path, name):  # noqa: F811
    photos = ps.read_images(ps.list_images(place / "photos", place / "labels.csv"))
    WRITERS[name](tmp_path / name, photos.images.numpy(), photos.labels.numpy())
    arguments = options("--json", photos=str(tmp_path / name), out=tmp_path / "out")
    assert "are in it, not in a table" in run_main(place, arguments).stderr
    at = arguments.index("--labels")
    done = run_main(place, arguments[:at] + arguments[at + 2 :])
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["images"] == 6


@pytest.mark.parametrize("raised", ["MemoryError", "RuntimeError('CUDA out of memory')"])
@pytest.mark.parametrize("command", ["demo", "audit"])
def test_memory_that_is_too_small_is_one_line(place, tmp_path, command, raised):  # noqa: F811
    (tmp_path / "big.py").write_text(
        f"import torch\nclass build(torch.nn.Module):\n    def forward(self, images):\n        raise {raised}\n"
    )
    net, photos = f"{tmp_path}/big.py:build", ["--labels", place / "labels.csv", "--device", "cpu"]
    arguments = {"audit": ["audit", net, place / "photos"], "demo": ["demo", "--source", net, "--victims", net,
                 "--photos", place / "photos"]}[command]  # fmt: skip
    done = run_main(tmp_path, [*arguments, *photos])
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "presoftmax: error: memory is too small" in done.stderr


@pytest.fixture(scope="module")
def written(place, pictures, tmp_path_factory):  # noqa: F811
    """A folder in which each command has written what it writes."""
    folder = tmp_path_factory.mktemp("written")
    (folder / "study.toml").write_text(STUDY.format(one=model("one"), two=model("two"), images=pictures))
    source, photos, labels = f"{place}/m.py:source", place / "photos", place / "labels.csv"
    judged = ["--source", source, "--clean", photos, "--labels", labels, "--device", "cpu"]
    for arguments in (
        ["demo", "--source", source, "--victims", f"{place}/m.py:victim", "--photos", photos, "--labels", labels,
         "--steps", 3, "--device", "cpu", "--out", "demo", "--attack", "over-optimized", "--attack", "bim"],
        ["score", photos, *judged, "--out", "score", "--victims", f"{place}/m.py:victim"],
        ["score", photos, *judged, "--out", "alone"],
        ["audit", source, photos, "--device", "cpu", "--out", "audit"],
        ["run", "study.toml", "--device", "cpu", "--out", "study"],
        ["report", "study"],
        ["guard", "evaluate", "study.toml", "--device", "cpu", "--out", "guard"],
    ):  # fmt: skip
        done = run_main(folder, arguments)
        assert done.returncode == 0, done.stderr
    return folder


def test_every_parquet_file_has_its_schema(written):
    seen = set()
    for path in written.rglob("*.parquet"):
        columns, _ = TABLES[path.stem]
        assert pl.read_parquet_schema(path) == dict(polars_schema(columns)), path
        assert list(pl.read_parquet_schema(path)) == [column.name for column in columns], path
        seen.add(path.stem)
    # No command writes what an analysis gives.
    assert seen == set(TABLES) - {"expected", "first_fooled", "worst_case", "worst_case_transfers"}


@pytest.mark.parametrize("command", ["demo", "score", "audit"])
def test_a_taken_folder_is_refused_before_the_work(place, tmp_path, command, monkeypatch):  # noqa: F811
    source, photos = f"{place}/m.py:source", place / "photos"
    monkeypatch.setattr("presoftmax.models.catalog.load_model", Mock(side_effect=AssertionError("worked first")))
    (tmp_path / "taken").mkdir()
    arguments = {
        "demo": ["demo", "--source", source, "--photos", photos, "--out", "taken"],
        "score": ["score", photos, "--source", source, "--out", "taken"],
        "audit": ["audit", source, photos, "--out", "taken"],
    }[command]
    done = run_main(tmp_path, arguments)
    assert done.returncode == 2
    assert done.stderr.endswith("presoftmax: error: taken: exists already; give another folder with --out\n")
    assert "worked first" not in done.stderr


@pytest.mark.parametrize("command", ["demo", "score", "audit"])
def test_a_folder_is_held_while_the_work_goes_on(place, tmp_path, command):  # noqa: F811
    """A second command in the same folder, started while the first one's models work, is told so."""
    (tmp_path / "m.py").write_text(
        f"import sys; sys.path.insert(0, {str(place)!r})\n"
        "import pathlib, m as other\n"
        "def source():\n"
        "    pathlib.Path('seen').write_text(str(pathlib.Path('mine').is_dir()))\n"
        "    return other.source()\n"
    )
    rest = {"demo": ["--photos", place / "photos"], "score": ["--clean", place / "photos"], "audit": []}[command]
    labels = ["--labels", place / "labels.csv", "--device", "cpu", "--out", "mine"]
    head = {
        "demo": ["demo", "--source", "own.py:source", "--victims", "", "--steps", 1],
        "score": ["score", place / "photos", "--source", "own.py:source"],
        "audit": ["audit", "own.py:source", place / "photos"],
    }[command]
    (tmp_path / "m.py").rename(tmp_path / "own.py")
    done = run_main(tmp_path, [*head, *rest, *labels])
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "seen").read_text() == "True"


COMMANDS = {
    "score": ["score", "{photos}", "--clean", "{photos}", "--labels", "{labels}", "--source", "{source}"],
    "audit": ["audit", "{source}", "{photos}", "--labels", "{labels}"],
    "demo": ["demo", "--source", "{source}", "--victims", "", "--photos", "{photos}", "--labels", "{labels}",
             "--steps", "1", "--attack", "over-optimized"],
}  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_a_disk_that_is_full_is_said_in_one_line(place, tmp_path, monkeypatch, command):  # noqa: F811
    """At each file that a command writes; what stays is whole."""
    given = {"photos": place / "photos", "labels": place / "labels.csv", "source": f"{place}/m.py:source"}
    arguments = [part.format(**given) for part in COMMANDS[command]]
    real, at, count = _disk.sync, 0, 0

    def sync(path):
        nonlocal count
        count += path.is_file() or path.name.startswith(".")
        if count == at:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(path)

    monkeypatch.setattr(_disk, "sync", sync)
    while at < 60:
        at, count = at + 1, 0
        done = run_main(tmp_path, [*arguments, "--device", "cpu", "--out", f"run{at}"])
        if done.returncode == 0:
            break
        assert done.returncode == 2, done.stderr
        assert "No space left on device" in done.stderr.splitlines()[-1]
        assert "Traceback" not in done.stderr
        assert not [path for path in tmp_path.rglob("*") if "partial" in path.name]
        assert command == "demo" or not (tmp_path / f"run{at}").exists()
    assert at > 3
    assert done.returncode == 0


def test_nothing_unfinished_is_left(written):
    assert not [path for path in written.rglob("*") if "partial" in path.name]
