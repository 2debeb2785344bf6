"""Every Python snippet of the pages runs: top to bottom, in one namespace for each page."""

import ast
import re
import sys
import warnings
from importlib.util import find_spec

import matplotlib
import pytest

from tests.docs.given import at_the_reader, names, stand_in_for_torchattacks
from tests.docs.pages import PAGES, ROOT, Snippet, snippets_in, snippets_of

matplotlib.use("agg")
WITH_PYTHON = [page for page in PAGES if snippets_of(page, "python")]


def missing_library(code: str) -> str | None:
    """A library that the snippet imports and that is not installed here."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = (node.module if isinstance(node, ast.ImportFrom) else node.names[0].name) or ""
            library = module.partition(".")[0]
            if library not in sys.modules and find_spec(library) is None:
                return module
    return None


def why_skipped(snippet: Snippet) -> str | None:
    missing = missing_library(snippet.code)
    return f"needs {missing}" if missing else None


def run(snippet: Snippet, namespace: dict[str, object]) -> None:
    """Run it so that a failure shows the line of the page."""
    code = compile("\n" * (snippet.line - 1) + snippet.code, str(snippet.page), "exec")
    exec(code, namespace)


@pytest.mark.parametrize("page", WITH_PYTHON, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_snippets_of_a_page_run_in_their_order(page, tmp_path, recwarn):
    left_out = []
    with at_the_reader(tmp_path) as namespace, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # so few images, and so tiny networks, are warned about
        for snippet in snippets_of(page, "python"):
            skipped = why_skipped(snippet)
            if skipped:
                left_out.append(f"{snippet.place}: {skipped}")
            elif snippet.reason is None:
                run(snippet, namespace)
    if left_out:
        pytest.skip("; ".join(left_out))


def test_the_pages_that_show_torchattacks_run_without_it(tmp_path, monkeypatch):
    stand_in_for_torchattacks(monkeypatch)
    shown = [page for page in WITH_PYTHON if "torchattacks" in page.read_text(encoding="utf-8")]
    assert len(shown) >= 2
    for page in shown:
        with at_the_reader(tmp_path) as namespace, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for snippet in snippets_of(page, "python"):
                if "torchattacks" in snippet.code:
                    run(snippet, namespace)


def test_few_are_not_run_and_each_says_why():
    left = [snippet.reason for page in PAGES for snippet in snippets_of(page, "python") if snippet.reason]
    assert len(left) <= 2
    assert all(len(reason.split()) > 3 for reason in left)


def test_readers_are_told_what_the_names_are():
    text = (ROOT / "docs" / "start.md").read_text(encoding="utf-8")
    section = text.split("## Names in these pages", 1)[1].split("\n## ", 1)[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == set(names())


def test_a_snippet_is_left_out_only_with_its_reason():
    text = "a\n```python\nx = 1\n```\n<!-- not run: it asks a service -->\n```python\nx = 2\n```\n```bash\ny\n```\n"
    first, second = snippets_in(ROOT / "README.md", text, "python")
    assert (first.code, first.line, first.reason) == ("x = 1\n", 3, None)
    assert (second.code, second.line, second.reason) == ("x = 2\n", 7, "it asks a service")
    bare = snippets_in(ROOT / "README.md", "<!-- not run: -->\n```python\nx = 1\n```\n", "python")
    assert bare[0].reason is None


@pytest.mark.parametrize("code", ["import no_such_library", "from no_such_library.attacks import PGD"])
def test_a_library_that_is_not_installed_is_named(code):
    assert "no_such_library" in missing_library(f"import torch\n{code}\n")


def test_a_failure_shows_the_line_of_the_page():
    snippet = Snippet(ROOT / "README.md", 40, "python", "x = 1\nraise KeyError(x)\n", None)
    with pytest.raises(KeyError) as caught:
        run(snippet, {})
    assert (caught.traceback[-1].path.name, caught.traceback[-1].lineno + 1) == ("README.md", 41)
