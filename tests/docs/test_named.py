"""The files, modules and extras that commands of the guides name are there."""

import re
import tomllib
from pathlib import Path

import pytest

from tests.docs.pages import GUIDES, ROOT

EXTRAS = set(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"])
_EXTRA = re.compile(r"(?:\.|presoftmax)\[([\w,]+)\]")
_MODULE = re.compile(r"\bpython -m ((?:presoftmax|benchmarks|tests)[\w.]*)")
_FILE = re.compile(
    r"\b(?:python|bash|pytest|pip install(?: --no-deps)? -r)(?: -[a-z]\d?)* ([\w./-]+\.[a-z]+|\.ci/\w+)\b"
)


def is_file(name: str, place: Path) -> bool:
    """A path from the repository's root, or from beside the page; REPOSITORY stands for the root."""
    return any((base / name.removeprefix("REPOSITORY/")).exists() for base in (ROOT, place))


def is_module(name: str) -> bool:
    paths = [base / name.replace(".", "/") for base in (ROOT, ROOT / "src")]
    return any(path.with_suffix(".py").is_file() or (path / "__main__.py").is_file() for path in paths)


def missing(text: str, place: Path) -> list[str]:
    """What commands of a text name and that is not there."""
    extras = {name for names in _EXTRA.findall(text) for name in names.split(",")} - EXTRAS
    modules = [name for name in _MODULE.findall(text) if not is_module(name)]
    names = [found[1] for found in _FILE.finditer(text) if " -m " not in found[0]]
    return [*sorted(extras), *modules, *(name for name in names if not is_file(name, place))]


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_the_commands_of_a_page_name_is_there(page):
    assert not missing(page.read_text(encoding="utf-8"), page.parent)


@pytest.mark.parametrize(("text", "expected"), [
    ('pip install ".[demo]" && bash .ci/run', []),
    ('pip install "presoftmax[demmo,docs]"', ["demmo"]),
    ("`bash .ci/nothing`, `python no_such.py`", [".ci/nothing", "no_such.py"]),
    ("pytest -n0 tests/test_house.py", []),
    ("pytest -n0 tests/test_horse.py", ["tests/test_horse.py"]),
    ("python -m presoftmax.tables > docs/tables.md", []),
    ("python -m presoftmax.table > docs/tables.md", ["presoftmax.table"]),
    ("python -m benchmarks.grown", ["benchmarks.grown"]),
    ("pip install --no-deps -r benchmarks/pears.txt", ["benchmarks/pears.txt"]),
])  # fmt: skip
def test_what_is_not_there_is_found(text, expected):
    assert missing(text, ROOT) == expected
