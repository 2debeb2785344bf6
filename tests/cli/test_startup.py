"""Commands that run no network import none of the large libraries: counted, since time depends on the machine."""

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

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


PROGRAM = """
import json, os, sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from presoftmax.cli import main
heavy, cases = set(sys.argv[1].split()), json.loads(sys.stdin.read())
for folder, words in cases:
    os.chdir(folder)
    sys.argv, said, before = ["presoftmax", *words], StringIO(), set(sys.modules)
    try:
        with redirect_stdout(said), redirect_stderr(said):
            status = main() or 0
    except SystemExit as stop:
        status = stop.code or 0
    print(json.dumps([status, sorted(heavy & (set(sys.modules) - before)), said.getvalue()]))
"""


def run(*cases: tuple[Any, Sequence[str]]) -> list[tuple[int, list[str], str]]:
    """Exit status, the large libraries that were imported for it, and what was said, of commands in folders.

    One process for all of them: what one imports, those after it have; but none is to.
    """
    line = [sys.executable, "-c", PROGRAM, " ".join(HEAVY)]
    given = json.dumps([[str(folder), list(words)] for folder, words in cases])
    done = subprocess.run(line, capture_output=True, text=True, input=given)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == len(cases)
    return [(status, imported, said) for status, imported, said in found]


def test_help_waits_for_no_library(tmp_path):
    every = commands(typer.main.get_command(app))
    assert len(every) > 10
    for words, (status, imported, said) in zip(
        every, run(*((tmp_path, (*words, "--help")) for words in every)), strict=True
    ):
        assert (status, imported) == (0, []), words
        assert "Usage" in said


def test_a_mistake_in_a_studys_file_is_told_at_once(tmp_path):
    cases = []
    for number, text in enumerate(MISTAKES.values()):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "s.toml").write_text(text, encoding="utf-8")
        cases.append((folder, ("run", "s.toml")))
    for mistake, (status, imported, said) in zip(MISTAKES, run(*cases), strict=True):
        assert (status, imported) == (ERROR, []), (mistake, said)
        assert "presoftmax: error:" in said, mistake


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


def test_a_wrong_option_is_told_at_once(tmp_path):
    (tmp_path / "s.toml").write_text(STUDY, encoding="utf-8")
    for words, (status, imported, said) in zip(REFUSED, run(*((tmp_path, each) for each in REFUSED)), strict=True):
        assert (status, imported) == (ERROR, []), (words, said)


def test_a_study_is_written_and_looked_at_without_a_library(tmp_path):
    """How far one is is told of models that may not even be installed here."""
    (tmp_path / "s.toml").write_text(STUDY, encoding="utf-8")
    StudyFolder.start(tmp_path / "study", StudyConfig.load(tmp_path / "s.toml"))
    all_words = (
        ("init",),
        ("init", "b.toml", "--models", "efficientnet_lite0", "--images", str(tmp_path)),
        ("status", "study"),
        ("status", "study", "--json"),
        ("--version",),
    )
    for words, (status, imported, said) in zip(all_words, run(*((tmp_path, each) for each in all_words)), strict=True):
        assert (status, imported) == (0, []), (words, said)


def test_imports_are_counted(tmp_path):
    """The count of the tests above does count: a command that needs PyTorch is seen to import it."""
    ((_, imported, _),) = run((tmp_path, ("models", "efficientnet")))
    assert "torch" in imported


def test_the_whole_program_begins_without_one():
    code = "import presoftmax.__main__, sys; print(sorted(set(sys.argv[1].split()) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code, " ".join(HEAVY)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
