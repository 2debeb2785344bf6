"""Look into what was built: ``python .ci/built.py dist`` fails where the wheel or the sdist lacks or has too much."""

import sys
import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[1]


def package_files(root: Path = ROOT) -> set[str]:
    """Every file of the package, as a wheel names it: modules, templates, ``py.typed``."""
    source = root / "src"
    found = (path for path in (source / "presoftmax").rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(source).as_posix() for path in found}


def problems_of_wheel(names: Iterable[str], expected: set[str]) -> list[str]:
    """What the wheel lacks, and what it has besides the package and its metadata."""
    files = {name for name in names if not name.endswith("/")}
    ours = {name for name in files if PurePosixPath(name).parts[0] == "presoftmax"}
    others = {name for name in files - ours if not PurePosixPath(name).parts[0].endswith(".dist-info")}
    lacks = [f"the wheel lacks {name}" for name in sorted(expected - ours)]
    return lacks + [
        f"the wheel has {name}, which is no part of the package" for name in sorted((ours - expected) | others)
    ]


def problems_of_sdist(names: Iterable[str], expected: set[str]) -> list[str]:
    """What the sdist lacks of the package, and of what builds and tests it."""
    inside = {PurePosixPath(*PurePosixPath(name).parts[1:]).as_posix() for name in names}
    wanted = {f"src/{name}" for name in expected} | {
        "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "mkdocs.yml", "docs/start.md", "tests/conftest.py",
        "tests/docs/test_site.py", "notebooks/judge_my_examples.ipynb", "examples/judge.py", "docs/_site.py",
    }  # fmt: skip
    return [f"the sdist lacks {name}" for name in sorted(wanted - inside)]


def main(folder: Path) -> int:
    """Check the one wheel and the one sdist of a folder."""
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    expected = package_files()
    with zipfile.ZipFile(wheel) as archive, tarfile.open(sdist) as tar:
        problems = problems_of_wheel(archive.namelist(), expected) + problems_of_sdist(tar.getnames(), expected)
    print("\n".join(problems) or f"{wheel.name} and {sdist.name} hold what they should: {len(expected)} files")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
