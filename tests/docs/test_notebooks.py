"""Every notebook runs from top to bottom; what it shows is small, and is of the code beside it."""

import os
import re
import runpy
from importlib.util import find_spec
from pathlib import Path

import pytest

import presoftmax as ps
from tests.docs.pages import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
MISSING = [name for name in ("nbformat", "nbclient", "ipykernel") if find_spec(name) is None]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}")
IN_TINY = """
%reset -f
%cd {folder}
import matplotlib, pytest
from presoftmax.report.figures import style
from tests.docs.given import stand_in_for_the_extra

matplotlib.rcParams["figure.dpi"] = style._NOTEBOOK_DPI = style._STYLE["savefig.dpi"] = 40
stand_in_for_the_extra(pytest.MonkeyPatch())
"""
LARGEST = 200_000
OF_A_MACHINE = re.compile(r"/(?:tmp|root|home|Users|usr)/|[A-Z]:\\\\|https?://(?!arxiv|www\.w3)")
names = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def read(path):
    import nbformat

    return nbformat.read(path, 4)


def shown(cell):
    """The texts of what a cell shows, images left out."""
    for output in cell.outputs:
        yield output.get("text", "")
        yield from (text for kind, text in output.get("data", {}).items() if kind.startswith("text/"))


@pytest.fixture(scope="module")
def executor():
    return runpy.run_path(str(ROOT / ".ci" / "notebooks.py"))


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    """One process for all, since most of the time goes into its start; each notebook has it to itself."""
    from jupyter_client.manager import start_new_kernel

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(Path(ps.__file__).parents[1])]))
        patch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))
        manager, client = start_new_kernel()
    client.stop_channels()
    yield manager
    manager.shutdown_kernel(now=True)


@names
def test_a_notebook_runs(path, tmp_path, executor, kernel):
    if "foolbox" in path.read_text(encoding="utf-8") and find_spec("foolbox") is None:
        pytest.skip("needs the extra demo")
    kept, notebook = read(path), read(path)
    executor["ran"](notebook, str(tmp_path), IN_TINY.format(folder=tmp_path), kernel)
    executor["tidy"](notebook)
    kinds = [output.output_type for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert kinds.count("execute_result") + kinds.count("display_data") >= 3, "a notebook shows something"
    for now, before in zip(notebook.cells, kept.cells, strict=True):
        assert now.source == before.source
        if now.cell_type == "code":  # tiny networks warn of other things than the real ones
            assert results(now) == results(before), now.source


def results(cell):
    return [output.output_type for output in cell.outputs if output.output_type != "stream"]


@names
def test_what_a_notebook_shows_is_of_its_code(path, executor):
    notebook = read(path)
    assert notebook.metadata.presoftmax.ran == executor["code_of"](notebook), "run python .ci/notebooks.py"
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == [*range(1, len(cells) + 1)]
    assert not [output for cell in cells for output in cell.outputs if output.output_type == "error"]


@names
def test_a_notebook_is_small_and_of_no_machine(path):
    import nbformat

    notebook = read(path)
    nbformat.validate(notebook)
    assert path.stat().st_size < LARGEST
    assert set(notebook.metadata) == {"kernelspec", "language_info", "presoftmax"}
    assert notebook.cells[0].cell_type == "markdown"
    assert notebook.cells[0].source.startswith("# ")
    for cell in notebook.cells:
        if cell.cell_type == "code":
            for text in shown(cell):
                assert not OF_A_MACHINE.search(re.sub(r"base64,[\w+/=]+", "", text))


def test_what_has_changed_since_it_ran_is_seen(executor):
    notebook = read(NOTEBOOKS[0])
    before = executor["code_of"](notebook)
    notebook.cells[0].source += " more words"
    assert executor["code_of"](notebook) == before
    next(cell for cell in notebook.cells if cell.cell_type == "code").source += "\nx = 1"
    assert executor["code_of"](notebook) != before


def test_each_notebook_is_named_to_readers():
    assert len(NOTEBOOKS) == 3
    text = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    for path in NOTEBOOKS:
        assert f"(../notebooks/{path.name})" in text
