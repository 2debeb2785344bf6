"""The bar of a study that is run from Python."""

import pytest

from presoftmax.progress import bar as bar_module
from presoftmax.study import LocalEngine, run_study
from tests.study.conftest import model


@pytest.fixture
def small(study):
    attack = {"kind": "over-optimized", "steps": 2, "alpha": 0.02}
    return study(models=[model("one")], attacks=[attack], images={**study().images.model_dump(), "count": 2})


@pytest.mark.parametrize("progress", [None, True, False])
def test_a_log_gets_lines_where_they_are_wanted(small, tmp_path, capsys, monkeypatch, progress):
    monkeypatch.setattr(bar_module, "_SOON", -1.0)
    monkeypatch.setattr(bar_module, "_LINE", 0.0)
    run_study(small, tmp_path / "out", LocalEngine(), progress=progress)
    assert ("units of the study: 1 of 1" in capsys.readouterr().err) == (progress is True)


def test_anything_else_is_refused_before_anything_runs(small, tmp_path):
    with pytest.raises(TypeError, match="progress: expected True, False or None, got str"):
        run_study(small, tmp_path / "out", LocalEngine(), progress="yes")
    assert not (tmp_path / "out").exists()
