"""Status, whatever has become of a study's files: it says which is damaged, and gives what can be known."""

import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from presoftmax.errors import PresoftmaxError, StudyError
from presoftmax.storage import signed
from presoftmax.study.folder import StudyFolder
from presoftmax.study.results import Results
from presoftmax.study.status import status_of
from tests.cli.running import run_main
from tests.study.conftest import model, run


def _directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


DAMAGES: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "cut in half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "cut by a byte": lambda path: path.write_bytes(path.read_bytes()[:-2]),
    "flipped": _flip,
    "not UTF-8": lambda path: path.write_bytes(b"\xff\xfe" + path.read_bytes()),
    "a list": lambda path: path.write_text("[]"),
    "null": lambda path: path.write_text("null"),
    "deep": lambda path: path.write_text("[" * 100_000),
    "digits": lambda path: path.write_text("9" * 10_000),
    "a directory": _directory,
    "lost": Path.unlink,
}
FILES = (
    "study.json", "selection.json", "variants.json", "selection/00000/receipt.json", "selection/00000/natural.parquet",
    "selection/00000/images.safetensors", "parts/over-optimized/panel_one-*/00001/receipt.json",
    "parts/over-optimized/panel_one-*/00001/steps.parquet", "parts/over-optimized/panel_one-*/00001/final.safetensors",
)  # fmt: skip


@pytest.fixture(scope="module")
def finished(pictures, tmp_path_factory):
    from presoftmax.study.config import StudyConfig

    attack = {"kind": "over-optimized", "steps": 2, "alpha": 0.02, "discretization": "straight-through"}
    config = StudyConfig.model_validate(
        {"title": "Small", "models": [model("one"), model("two")], "images": {"path": str(pictures), "count": 4},
         "attacks": [attack], "shard": 2}
    )  # fmt: skip
    return run(config, tmp_path_factory.mktemp("finished") / "mine").path


@pytest.fixture
def copy(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "mine")


def test_the_files_are_all_there_are(finished):
    """Every kind of file of a study is among those that are damaged here."""
    there = {path.name for path in finished.rglob("*") if path.is_file()} - {".lock", "transfers.parquet"}
    assert there - {"noise.parquet", "copies.parquet", "gallery.safetensors"} == {Path(name).name for name in FILES}
    status = status_of(StudyFolder.open(finished))
    assert (status.finished, status.damaged, status.unanswered) == (True, (), {})


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", FILES)
def test_any_file_in_any_state(copy, name, damage):
    (path,) = copy.glob(name)
    DAMAGES[damage](path)
    status = status_of(StudyFolder.open(copy))
    json.dumps(status.values(), allow_nan=False)
    if damage == "lost" and name in ("selection.json", "variants.json"):
        assert not status.damaged  # not chosen, or not settled, yet
    elif not (damage == "flipped" and name.endswith((".safetensors", "steps.parquet"))):
        assert not status.finished
        (text,) = status.damaged
        assert text.startswith(f"{path}: ")
        assert "\n" not in text
    # What can be known is given.
    done = sum(each.done for each in status.progress)
    assert done == (3 if name.startswith("parts") and status.damaged else 4)
    folders = {each.name for each in copy.glob("parts/*/*")}
    sources = folders if name == "study.json" else {"panel:one", "panel:two"}
    assert {(each.attack, each.source) for each in status.progress} == {("over-optimized", each) for each in sources}
    known = name not in ("study.json", "selection.json")
    assert {each.units for each in status.progress} == {2 if known else None}
    assert status.title == ("mine" if name == "study.json" else "Small")
    assert (status.images is None) == (name == "selection.json")


@pytest.mark.parametrize("name", [each for each in FILES if each.endswith(".json")])
def test_wrong_types_inside(copy, name):
    (path,) = copy.glob(name)
    content = json.loads(path.read_text())
    content.pop("checksum")
    for key in content:
        for value in (None, [], {}, "x", -1, 0.5, True, [1], {"a": 1}, float("nan"), 10**6, 10**400):
            path.write_text(signed({**content, key: value}))
            status = status_of(StudyFolder.open(copy))
            places = (str(path), f"{copy}/selection/")  # which chunks are looked at is said by the selection
            assert all(each.startswith(places) for each in status.damaged), (key, value)
            json.dumps(status.values(), allow_nan=False)
            if key in ("seconds", "chunks", "looked_at", "image_iterations") and type(value) is not int:
                assert status.damaged or (key, value) == ("seconds", 0.5), (key, value)
            for read in (Results.of, StudyFolder.natural):
                with suppress(PresoftmaxError):
                    read(StudyFolder.open(copy))
        path.write_text(signed({each: value for each, value in content.items() if each != key}))
        status_of(StudyFolder.open(copy))


def test_the_command_line(copy):
    (receipt,) = copy.glob("parts/*/panel_two-*/00000/receipt.json")
    receipt.write_text("")
    done = run_main(copy, ["status", copy])
    assert (done.returncode, done.stderr) == (0, "")
    assert f"damaged: {receipt}: damaged, it cannot be read" in done.stdout
    assert "1/2" in done.stdout
    assert f"to go on: presoftmax run {copy}" in done.stdout
    (copy / "study.json").write_text("")
    done = run_main(copy, ["status", copy])
    assert (done.returncode, done.stderr) == (0, "")
    assert "mine: 4 images of" in done.stdout
    assert "1/?" in done.stdout
    assert "with another --out" in done.stdout
    assert json.loads(run_main(copy, ["status", copy, "--json"]).stdout)["readable"] is False
    assert run_main(copy, ["status", copy / "parts"]).returncode == 2


@pytest.mark.parametrize("name", [each for each in FILES if each not in ("study.json",)])
def test_what_is_damaged_is_done_again(copy, finished, name):
    (path,) = copy.glob(name)
    whole = path.read_bytes()
    path.write_bytes(b"[]")
    run(StudyFolder.open(copy).config(), copy)
    assert status_of(StudyFolder.open(copy)).finished or name == "variants.json"
    if path.suffix != ".json":
        assert path.read_bytes() == whole


def test_a_folder_that_is_no_study(tmp_path):
    with pytest.raises(StudyError, match="not the folder of a study"):
        StudyFolder.open(tmp_path)
