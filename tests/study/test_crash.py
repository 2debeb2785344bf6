"""Whatever call to the disk fails, or is the last one before a kill, the study goes on and comes to the same bytes."""

import json
from contextlib import suppress
from pathlib import Path

import pytest

from presoftmax.errors import RunError, StudyError
from presoftmax.storage import _disk
from presoftmax.study import Results
from presoftmax.study.report import page, prediction, write_study_report
from tests.study.conftest import model, run

CALLS = ("write", "sync", "rename", "mkdir", "remove_file", "remove_folder")


class Killed(BaseException):
    """Not an error that code could handle: the process is gone."""


class Disk:
    """Counts the calls that change the disk; one of them fails, or the process is killed before or after it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count, self.at, self.how, self.dead = 0, -1, "", False
        for name in CALLS:
            monkeypatch.setattr(_disk, name, self._around(getattr(_disk, name)))

    def arm(self, at: int, how: str) -> None:
        self.count, self.at, self.how, self.dead = 0, at, how, False

    def _around(self, call):
        def watched(*arguments):
            if self.dead:
                raise Killed
            self.count += 1
            if self.count != self.at:
                return call(*arguments)
            if self.how == "fails":
                raise OSError(5, "Input/output error")
            if self.how == "killed after":
                call(*arguments)
            self.dead = True
            raise Killed

        return watched


@pytest.fixture
def small(study):
    return study(
        copies="none",
        models=[model("one"), model("two")],
        images={**study().values()["images"], "count": 3},
        attacks=[{"kind": "over-optimized", "steps": 2, "alpha": 0.02}],
        shard=2,
        noise=False,
    )


def contents(folder: Path) -> dict[str, object]:
    """All files, without the seconds that the receipts hold (and the checksums over these)."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.suffix == ".json":
            content = json.loads(path.read_text())
            found[name] = {key: value for key, value in content.items() if key not in ("seconds", "checksum")}
        elif path.is_file() and path.name != ".lock":
            found[name] = path.read_bytes()
    return found


@pytest.mark.parametrize("how", ["fails", "killed before", "killed after"])
def test_any_call_to_the_disk_may_be_the_last(small, tmp_path, monkeypatch, how):
    expected = contents(run(small, tmp_path / "whole").path)
    disk = Disk(monkeypatch)
    disk.arm(-1, "")
    run(small, tmp_path / "counted" / "inside")
    calls = disk.count
    assert calls > 60
    for at in range(1, calls + 1, 1 if how == "killed before" else 3):
        out = tmp_path / how.replace(" ", "-") / str(at) / "inside"
        disk.arm(at, how)
        with suppress(RunError, Killed):
            run(small, out)
        disk.arm(-1, "")
        folder = run(small, out)
        assert contents(folder.path) == expected, (at, how)


def test_any_call_to_the_disk_may_be_the_last_of_a_report(small, tmp_path, monkeypatch):
    folder = run(small, tmp_path / "a")
    # What is computed and drawn is the same each time; what is written is looked at.
    summary = page.summarize(Results.of(folder))
    monkeypatch.setattr(page, "study_figures", lambda *_: ())
    monkeypatch.setattr(page, "summarize", lambda _: summary)
    monkeypatch.setattr(prediction, "_figures", lambda _: ())
    disk = Disk(monkeypatch)
    disk.arm(-1, "")
    write_study_report(Results.of(folder))
    expected, calls = contents(folder.path), disk.count
    for at in range(1, calls + 1):
        for how in ("fails", "killed before", "killed after"):
            disk.arm(at, how)
            with suppress(RunError, Killed):
                write_study_report(Results.of(folder))
            disk.arm(-1, "")
            write_study_report(Results.of(folder))
            assert contents(folder.path) == expected, (at, how)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    at = next(i for i, byte in enumerate(content) if chr(byte).isdigit() and i > len(content) // 3)
    content[at] = ord("7") if content[at] != ord("7") else ord("8")
    path.write_bytes(bytes(content))


@pytest.mark.parametrize("name", ["study.json", "selection.json", "variants.json"])
def test_a_flipped_digit_is_found_before_it_is_used(small, tmp_path, name):
    whole = run(small, tmp_path / "whole")
    folder = run(small, tmp_path / "a")
    flip(folder.path / name)
    if name != "variants.json":
        with pytest.raises(StudyError, match=rf"{name}: damaged"):
            write_study_report(Results.of(folder))
    if name == "study.json":
        with pytest.raises(StudyError, match="damaged, it is not as it was written; give another folder"):
            run(small, tmp_path / "a")
        return
    # With a unit gone, the run goes on, with the same images and the same variants.
    receipt = min((folder.path / "parts").rglob("receipt.json"))
    receipt.unlink()
    again = run(small, tmp_path / "a")
    found, expected = contents(again.path), contents(whole.path)
    found.pop("variants.json"), expected.pop("variants.json")
    assert found == expected


def test_the_natural_table_is_checked_too(small, tmp_path):
    folder = run(small, tmp_path / "a")
    path = folder.path / "selection" / "00000" / "natural.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(StudyError, match="selection/00000: damaged"):
        write_study_report(Results.of(folder))
    write_study_report(Results.of(run(small, tmp_path / "a")))


def test_a_name_is_no_pattern(small, study, tmp_path):
    folder = run(small, tmp_path / "g[1]")
    other = run(study(**{**small.values(), "seed": 1}), tmp_path / "g1")
    mine = Results.of(folder).steps("over-optimized", "panel:one").collect()
    theirs = Results.of(other).steps("over-optimized", "panel:one").collect()
    assert mine["targets"].to_list() != theirs["targets"].to_list()
    write_study_report(Results.of(folder))
