"""What a release holds: the check of ``.ci/release`` finds what is missing and what does not belong."""

import runpy

import pytest

from tests.docs.pages import ROOT

BUILT = runpy.run_path(str(ROOT / ".ci" / "built.py"))
FILES = BUILT["package_files"]()
METADATA = ["presoftmax-0.1.0.dist-info/METADATA", "presoftmax-0.1.0.dist-info/licenses/LICENSE"]


def test_the_package_s_files_are_known():
    assert {
        "presoftmax/py.typed",
        "presoftmax/study/template.toml",
        "presoftmax/report/templates/base.html.j2",
    } <= FILES
    assert not BUILT["problems_of_wheel"]([*FILES, *METADATA], FILES)


@pytest.mark.parametrize("name", sorted(name for name in FILES if not name.endswith(".py")))
def test_a_file_that_is_no_module_is_missed(name):
    (problem,) = BUILT["problems_of_wheel"]([*FILES - {name}, *METADATA], FILES)
    assert problem == f"the wheel lacks {name}"


@pytest.mark.parametrize("name", ["tests/conftest.py", "presoftmax/test_this.py", "docs/start.md", "examples/judge.py"])
def test_what_is_no_part_of_the_package_is_found(name):
    (problem,) = BUILT["problems_of_wheel"]([*FILES, *METADATA, name], FILES)
    assert name in problem


def test_an_sdist_holds_what_builds_and_tests_it():
    problems = BUILT["problems_of_sdist"]([f"presoftmax-0.1.0/src/{name}" for name in FILES], FILES)
    assert "the sdist lacks pyproject.toml" in problems
    assert "the sdist lacks tests/docs/test_site.py" in problems
    assert not [problem for problem in problems if "src/" in problem]
