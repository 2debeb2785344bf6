"""What the explorer shows of a study is what its folder holds."""

import json
import re

import polars as pl
import pytest
from safetensors.numpy import load_file

from presoftmax.explorer import Key, View
from presoftmax.explorer.tables import tabulate
from presoftmax.storage import DamagedError
from presoftmax.study.report import study_material, write_study_explorer, write_study_report
from presoftmax.study.results import Results
from tests.study.conftest import run, tables


@pytest.fixture(scope="module")
def finished(pictures, tmp_path_factory):
    from presoftmax.study.config import StudyConfig
    from tests.study.conftest import model

    content = {
        "models": [model("one"), model("two"), model("three")],
        "images": {"path": str(pictures), "count": 9},
        "attacks": [
            {"kind": "over-optimized", "steps": 8, "alpha": 0.02, "discretization": "straight-through"},
            {"kind": "multi-class", "steps": 5, "alpha": [0.01, 0.02], "discretization": "straight-through"},
        ],
        "shard": 4,
        "gallery": 2,
    }
    return run(StudyConfig.model_validate(content), tmp_path_factory.mktemp("study") / "study")


def test_every_number_is_that_of_the_tables(finished):
    steps, transfers, _ = tables(finished)
    view = View.of(study_material(finished))
    overview = view.overview()
    assert overview["total"] == steps.select("attack", "source", "example").n_unique() == 54
    assert overview["iterations"] == list(range(9))
    fooled = transfers.filter("misclassified").group_by("attack", "source", "example", "iteration").len()
    for position, at in enumerate(overview["iterations"]):
        frame = view.frame(position)
        for n in range(0, 54, 5):
            key = view.key(n)
            mine = {"attack": key.attack, "source": key.source, "example": key.example}
            ended = min(at, overview["examples"]["last"][n])
            row = steps.filter(**mine, iteration=ended).row(0, named=True)
            assert frame["confidence"][n] == round(row["confidence"], 8)
            for name in ("ca1", "misclassification_log_odds", "group_log_odds"):
                assert frame[name][n] == round(row[name], 5)
            assert frame["fooled"][n] == sum(fooled.filter(**mine, iteration=ended)["len"])
            example = view.example(n)
            assert example["iterations"] == list(range(overview["examples"]["last"][n] + 1))
            states = {overview["victims"][victim]: text for victim, text in example["states"]}
            for victim, text in states.items():
                rows = transfers.filter(**mine, victim=victim).sort("iteration")
                expected = ["2" if t else "1" if m else "0" for m, t in rows.select("misclassified", "targeted").rows()]
                assert text == "".join(expected)
            assert key.source not in states
            assert len(states) == overview["examples"]["victims"][n] == 2


def test_stored_tables_give_the_same_and_what_is_damaged_is_said(finished):
    fresh = tabulate(study_material(finished))
    page = write_study_explorer(Results.of(finished))
    answers = json.loads(re.search(r'id="answers">(.*?)</script>', page.read_text(encoding="utf-8"), re.DOTALL)[1])
    assert answers["overview.json"]["total"] == 54
    stored = tabulate(study_material(finished))
    assert stored.iterations == fresh.iterations
    assert stored.victims == fresh.victims
    assert stored.examples.equals(fresh.examples)
    assert stored.frames.collect().equals(fresh.frames.collect())
    material = study_material(finished)
    assert material.stored is not None
    groups = pl.read_parquet_metadata(material.stored.examples)
    assert "presoftmax" in groups
    material.stored.examples.write_bytes(b"nothing")
    with pytest.raises(DamagedError, match="report"):
        tabulate(material)


def test_images_are_those_that_were_kept(finished):
    results = Results.of(finished)
    pictures = study_material(finished).pictures
    unit = next(each for each in results.units if each.attack == "over-optimized")
    names = finished.unit_receipt(unit)["examples"]
    final = load_file(finished.unit_file(unit, "final.safetensors"))["images"]
    chunk = finished.chunk_receipt(0)["ids"]
    clean = load_file(finished.chunk_file(0, "images.safetensors"))["images"]
    for place, name in enumerate(names):
        key = Key(unit.attack, unit.source, name)
        kept = pictures.kept(key)
        assert {0, 8} <= set(kept)
        assert (len(kept) > 2) == (place < 2 and unit.shard == 0)
        assert (pictures.pixels(key, 8) == final[place].transpose(1, 2, 0)).all()
        assert (pictures.pixels(key, 0) == clean[chunk.index(name)].transpose(1, 2, 0)).all()
        assert pictures.pixels(key, 7 if 7 not in kept else 99) is None
    assert pictures.kept(Key("none", "none", "none")) == []
    assert pictures.pixels(Key("none", "none", "none"), 0) is None


def test_the_report_has_its_explorer(finished):
    report = write_study_report(Results.of(finished))
    assert (report.page.parent / "explorer.html").is_file()
    assert {path.name for path in (report.page.parent / "explorer").iterdir()} == {"examples.parquet", "frames.parquet"}
