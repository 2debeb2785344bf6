"""Commands that run no network import none of the large libraries: counted, since time depends on the machine."""

import re
import subprocess
import sys
from itertools import pairwise
from typing import Any

import pytest
import typer

from presoftmax.cli.app import app
from presoftmax.study import StudyConfig, StudyFolder

HEAVY = {
    "torch",
    "torchvision",
    "scipy",
    "matplotlib",
    "sklearn",
    "timm",
    "ray",
    "polars",
    "pyarrow",
    "pandas",
    "numpy",
}
ERROR = 2

STUDY = """
models = ["torchvision/alexnet"]
images = {path = "samples"}
[[attacks]]
kind = "over-optimized"
[[attacks]]
kind = "pgd"
"""
MISTAKES = {
    "not TOML": 'models = ["a"',
    "a setting that is not": f"seeds = 1\n{STUDY}",
    "a setting of the images": STUDY.replace("path =", "place = 1, path ="),
    "a type": f"shard = 'many'\n{STUDY}",
    "nothing": "",
    "a kind": STUDY.replace('"pgd"', '"pdg"'),
    "a setting of another attack": f"{STUDY}kappa = 3\n",
    "a range": f"{STUDY}epsilon = -1\n",
    "an attack that makes no sense": f'{STUDY}name = "x"\ntargets = [1, 2, 3]\n',
    "a source": f'{STUDY}sources = ["vgg"]\n',
    "a model": STUDY.replace("torchvision/alexnet", "torchvision/alexnet?weights=/no/such/file.pth&weights=x"),
    "two of a name": f'{STUDY}name = "over-optimized"\n',
}


def commands(group: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Every command, and every group of commands, by its words."""
    return [
        path,
        *(each for name, one in getattr(group, "commands", {}).items() for each in commands(one, (*path, name))),
    ]


def run(folder: Any, *arguments: str) -> tuple[int, set[str], str]:
    """Exit status, the large libraries that were imported, and what was said."""
    line = [sys.executable, "-X", "importtime", "-m", "presoftmax", *arguments]
    done = subprocess.run(line, capture_output=True, text=True, cwd=folder)
    said = [line for line in done.stderr.splitlines() if not line.startswith("import time:")]
    imported = {found[1] for found in re.finditer(r"^import time:.*\| +(\w+)$", done.stderr, re.MULTILINE)}
    assert "presoftmax" in imported
    return done.returncode, imported & HEAVY, done.stdout + "\n".join(said)


@pytest.mark.parametrize("words", commands(typer.main.get_command(app)), ids=" ".join)
def test_help_waits_for_no_library(words, tmp_path):
    status, imported, said = run(tmp_path, *words, "--help")
    assert (status, imported) == (0, set())
    assert "Usage" in said


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_a_studys_file_is_told_at_once(mistake, tmp_path):
    (tmp_path / "s.toml").write_text(MISTAKES[mistake], encoding="utf-8")
    status, imported, said = run(tmp_path, "run", "s.toml")
    assert (status, imported) == (ERROR, set()), said
    assert "presoftmax: error:" in said


REFUSED = (
    ("plan", "nothing.toml"),
    ("run", "s.toml", "--address", "auto"),
    ("run", "s.toml", "--engine", "nothing"),
    ("run", "s.toml", "--batch", "0"),
    ("reproduce",),
    ("reproduce", "--panel", "nothing"),
    ("status", "nothing"),
    ("report", "nothing"),
    ("predict", "fit", "nothing"),
    ("predict", "evaluate", "nothing"),
    ("demo", "--alpha", "-1"),
    ("demo", "--steps", "many"),
    ("demo", "--attack", "nothing"),
    ("demo", "--photos", "nothing"),
    ("demo", "--victims", '"a'),
    ("score", "nothing", "--source", "a"),
    ("audit", "a", "nothing"),
    ("saturation", "--classes", "1"),
    ("init", "s.toml"),
    ("nothing",),
)


@pytest.mark.parametrize("words", REFUSED, ids=" ".join)
def test_a_wrong_option_is_told_at_once(words, tmp_path):
    (tmp_path / "s.toml").write_text(STUDY, encoding="utf-8")
    status, imported, said = run(tmp_path, *words)
    assert (status, imported) == (ERROR, set()), said


def test_a_study_is_written_and_looked_at_without_a_library(tmp_path):
    for words in (("init",), ("init", "b.toml", "--models", "efficientnet_lite0", "--images", str(tmp_path))):
        assert run(tmp_path, *words)[:2] == (0, set())


def test_the_table_of_mistakes_is_of_one_study_each():
    assert all(one != other for one, other in pairwise(sorted(MISTAKES.values())))


def test_how_far_a_study_is_is_told_at_once(tmp_path):
    """Of a folder, and of models that may not even be installed here."""
    (tmp_path / "s.toml").write_text(STUDY, encoding="utf-8")
    StudyFolder.start(tmp_path / "study", StudyConfig.load(tmp_path / "s.toml"))
    for more in ((), ("--json",)):
        status, imported, said = run(tmp_path, "status", "study", *more)
        assert (status, imported) == (0, set()), said
    assert "How misleading is the softmax?" in said
