"""Python entries take paths as text or as Path, and say in one line what is no path."""

import re
from pathlib import Path
from unittest.mock import MagicMock

import pytest
import torch

import presoftmax as ps
from presoftmax.data import load_tensors
from presoftmax.errors import PresoftmaxError
from presoftmax.storage import RunFolder
from presoftmax.strength import load_predictor, save_predictor
from presoftmax.study import LocalEngine, Results, StudyConfig, StudyFolder, run_study, status_of
from presoftmax.workflows import (
    DemoSettings,
    ScoreSettings,
    evaluate_prediction,
    fit_predictor,
    run_audit,
    run_demo,
    run_scoring,
)
from tests.study.test_config import GOOD

NO_PATHS = [3, None, b"study.toml", ["study.toml"], "", "a\0b", "\ud800"]


def reference() -> ps.NaturalReference:
    return ps.NaturalReference.fit("net", torch.randn(30, 4, generator=torch.Generator().manual_seed(0)))


def config() -> StudyConfig:
    return StudyConfig.model_validate(
        {"models": ["torchvision/alexnet"], "images": {"path": "samples"}, "attacks": [{"kind": "over-optimized"}]}
    )


def scoring(**changes):
    given = {"adversarial": "a.npz", "clean": None, "labels": None, "natural": None} | changes
    return run_scoring(ScoreSettings(source="net.py:build", victims=(), device=None, **given), "out")


ENTRIES = {
    "StudyConfig.load": StudyConfig.load,
    "StudyFolder": StudyFolder,
    "StudyFolder.open": StudyFolder.open,
    "StudyFolder.of": StudyFolder.of,
    "StudyFolder.is_one": StudyFolder.is_one,
    "StudyFolder.start": lambda path: StudyFolder.start(path, config()),
    "Results.of": Results.of,
    "status_of": status_of,
    "run_study": lambda path: run_study(config(), path, LocalEngine(["cpu"])),
    "NaturalReference.load": ps.NaturalReference.load,
    "NaturalReference.save": lambda path: reference().save(path),
    "load_predictor": load_predictor,
    "save_predictor": lambda path: save_predictor(None, path),
    "fit_predictor": lambda path: fit_predictor(path, "predictor.json"),
    "fit_predictor, out": lambda path: fit_predictor("study", path),
    "evaluate_prediction": evaluate_prediction,
    "load_tensors": load_tensors,
    "read_examples": lambda path: ps.strength.read_examples(path, None, None),
    "RunFolder.open": RunFolder.open,
    "run_scoring, adversarial": lambda path: scoring(adversarial=path),
}
# Where None stands for what is left out.
WITH_NONE = {
    "read_examples, clean": lambda path: ps.strength.read_examples("a.npz", path, None),
    "RunFolder.create": RunFolder.create,
    "evaluate_prediction, predictor": lambda path: evaluate_prediction("study", path),
    "run_audit, out": lambda path: run_audit("net.py:build", "samples", None, None, path),
    "run_demo, out": lambda path: run_demo(DemoSettings(source="nowhere"), path, MagicMock()),
    "run_scoring, natural": lambda path: scoring(natural=path),
}


@pytest.mark.parametrize(
    ("name", "given"),
    [(name, given) for name in (*ENTRIES, *WITH_NONE) for given in NO_PATHS if given is not None or name in ENTRIES],
    ids=repr,
)
def test_what_is_no_path_is_one_line_that_names_it(name, given, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a.npz").touch()
    with pytest.raises((PresoftmaxError, TypeError), match=r"is no path|expected a path") as raised:
        (ENTRIES | WITH_NONE)[name](given)
    message = str(raised.value)
    assert "\n" not in message
    named = type(given).__name__ if not isinstance(given, str) else "is no path"
    assert re.match(r"[a-z][\w' ]+: ", message), message
    assert named in message
    assert [each.name for each in tmp_path.iterdir()] == ["a.npz"]


@pytest.mark.parametrize("name", sorted({*ENTRIES, *WITH_NONE} - {"run_study", "save_predictor"}))
def test_text_does_what_a_path_does(name, tmp_path, monkeypatch):
    """On a place where there is nothing: the same answer, or the same error of one line."""
    call = (ENTRIES | WITH_NONE)[name]
    said = []
    for number, kind in enumerate((str, Path)):
        folder = tmp_path / str(number)
        folder.mkdir()
        monkeypatch.chdir(folder)
        try:
            said.append(repr(call(kind("thing"))))
        except (PresoftmaxError, OSError) as error:
            said.append(f"{type(error).__name__}: {error}")
        except AttributeError as error:  # a path that was taken for one, or text that was not
            pytest.fail(str(error))
    assert said[0] == said[1]


def test_a_study_from_text_to_text(study, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("study.toml").write_text(GOOD)
    assert StudyConfig.load("study.toml") == StudyConfig.load(Path("study.toml"))
    small = study(attacks=[{"kind": "over-optimized", "steps": 2}], images={**study().images.model_dump(), "count": 3})
    folder = run_study(small, "out", LocalEngine(["cpu"]))
    assert folder == StudyFolder(Path("out")) == StudyFolder("out") == StudyFolder.open("out")
    assert StudyFolder.start("out", small) == folder
    assert Results.of("out") == Results.of(Path("out")) == Results.of(folder)
    assert status_of("out") == status_of(folder)
    assert status_of("out").finished


def test_a_natural_reference_by_text(tmp_path):
    reference().save(str(tmp_path / "natural.json"))
    assert ps.NaturalReference.load(str(tmp_path / "natural.json")) == reference()
