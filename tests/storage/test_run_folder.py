"""A file of a run folder appears whole or not at all."""

import errno

import pytest
import torch

from presoftmax.errors import RunError
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
    assert path.parent.name == "00003-.._.._etc_b_x"


def test_opening_what_is_no_run(tmp_path):
    with pytest.raises(RunError, match="not the folder of a finished run"):
        RunFolder.open(tmp_path)
    with pytest.raises(RunError, match="exists already"):
        RunFolder.create(tmp_path)
