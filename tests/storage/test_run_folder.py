"""A file of a run folder appears whole or not at all."""

import errno
from datetime import datetime
from unittest.mock import Mock

import pytest
import torch

from presoftmax.errors import RunError
from presoftmax.storage import run_folder
from presoftmax.storage.atomic import replace_file
from presoftmax.storage.run_folder import RunFolder


def test_a_full_disk_leaves_the_old_file_and_no_part_of_the_new_one(tmp_path):
    target = tmp_path / "table.parquet"
    target.write_text("old")

    def half(path):
        path.write_text("ne")
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    with pytest.raises(RunError, match=r"table.parquet: cannot be written \(No space left on device\)"):
        replace_file(target, half)
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["table.parquet"]


def test_example_names_cannot_leave_the_folder(tmp_path):
    folder = RunFolder.create(tmp_path / "run")
    path = folder.image_path("a", 3, "../../etc/<b>x", 7)
    assert path.is_relative_to(folder.path)
    assert path.resolve().is_relative_to(folder.path.resolve())
    folder.write_images("a", [3], ["../../etc/<b>x"], 7, torch.zeros(1, 3, 4, 4, dtype=torch.uint8))
    assert path.is_file()
    assert path.parent.name == "00003-_.._etc_b_x"


def test_folders_of_the_same_second_are_told_apart(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(run_folder, "datetime", Mock(now=lambda: datetime(2026, 1, 2, 3, 4, 5)))
    made = [str(RunFolder.create(None, "score").path) for _ in range(3)]
    first = "presoftmax-runs/score-20260102-030405"
    assert made == [first, f"{first}-2", f"{first}-3"]


def test_what_goes_wrong_while_a_folder_is_filled_takes_it_away(tmp_path):
    def fill():
        with RunFolder.making(tmp_path / "run") as folder:
            folder.write_summary({})
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fill()
    assert not list(tmp_path.iterdir())


def test_opening_what_is_no_run(tmp_path):
    with pytest.raises(RunError, match="not the folder of a finished run"):
        RunFolder.open(tmp_path)
    with pytest.raises(RunError, match="exists already"):
        RunFolder.create(tmp_path)
