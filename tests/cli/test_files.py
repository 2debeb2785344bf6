"""Every table that any command writes has the columns that the schema documents."""

import polars as pl
import pytest

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
"""


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
    assert seen == set(TABLES)


def test_nothing_unfinished_is_left(written):
    assert not [path for path in written.rglob("*") if "partial" in path.name]
