"""The site builds strictly, needs no other host, and its reference has every public name."""

import importlib
import json
import os
import re
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import presoftmax as ps
from tests.docs.pages import ROOT

MISSING = [name for name in ("mkdocs", "material", "mkdocstrings_handlers") if find_spec(name) is None]
pytestmark = pytest.mark.skipif(bool(MISSING), reason="needs the extra docs")
ROOMS = ("attacks", "models", "data", "scores", "strength", "analysis", "numerics", "defense", "study", "errors")
FETCHING = {"stylesheet", "icon", "preconnect", "dns-prefetch", "preload", "prefetch", "manifest", "modulepreload"}
REMOTE = re.compile(r"^(?:https?:)?//")


class Links(HTMLParser):
    """What a page refers to, what it fetches when it is opened, and its anchors."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.fetched: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        self.targets += [given[name] for name in ("href", "src") if name in given]
        fetched_link = tag == "link" and FETCHING & set(given.get("rel", "").split())
        self.fetched += [given["href"]] if fetched_link else []
        self.fetched += [given["src"]] if "src" in given else []


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The pages by their place in the site."""
    os.environ.setdefault("NO_MKDOCS_2_WARNING", "1")
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    folder = tmp_path_factory.mktemp("site")
    config = load_config(str(ROOT / "mkdocs.yml"), site_dir=str(folder), strict=True)
    config.plugins.on_startup(command="build", dirty=False)
    build(config)
    return {
        path.relative_to(folder): Links(path.read_text(encoding="utf-8")) for path in folder.rglob("*.html")
    }, folder


def test_nothing_is_fetched_from_other_hosts(site):
    pages, folder = site
    assert len(pages) > 30
    for place, page in pages.items():
        assert page.fetched
        assert not [each for each in page.fetched if REMOTE.match(each)], place
    for sheet in folder.rglob("*.css"):
        assert not re.search(r"url\([\"']?(?:https?:)?//|@import\s+[\"']?http", sheet.read_text(encoding="utf-8")), (
            sheet
        )


def test_every_link_leads_somewhere_without_a_server(site):
    pages, folder = site
    for place, page in pages.items():
        for target in page.targets:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc or place == Path("404.html"):
                continue
            there = Path(os.path.normpath(place.parent / unquote(parts.path))) if parts.path else place
            assert (folder / there).is_file(), f"{place}: {target}"
            if parts.fragment and there.suffix == ".html":
                assert unquote(parts.fragment) in pages[there].anchors, f"{place}: {target}"


def test_the_search_knows_every_page(site):
    pages, folder = site
    index = json.loads((folder / "search" / "search_index.json").read_text(encoding="utf-8"))
    found = {Path(entry["location"].partition("#")[0]) for entry in index["docs"]}
    assert found >= set(pages) - {Path("404.html")}
    assert any("worst_case" in entry["location"] for entry in index["docs"])


def test_every_page_is_in_the_navigation_once():
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]
    named = re.findall(r": ([\w/.-]+\.md)$", text, re.MULTILINE)
    taken = ["results", "examples"]
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    pages |= {path.relative_to(ROOT).as_posix() for folder in taken for path in (ROOT / folder).rglob("*.md")}
    pages |= {f"notebooks/{path.stem}.md" for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert sorted(named) == sorted(pages | {"index.md", "CONTRIBUTING.md", "CHANGELOG.md"})


def test_a_notebook_s_page_shows_what_it_shows(site):
    _, folder = site
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        page = (folder / "notebooks" / f"{path.stem}.html").read_text(encoding="utf-8")
        images = re.findall(r"data:image/png;base64,([\w+/]+)", path.read_text(encoding="utf-8").replace("\\n", ""))
        images += [each.strip() for each in re.findall(r'"image/png": "([\w+/=]+)', path.read_text(encoding="utf-8"))]
        assert images
        assert all(image[:200] in page for image in images)
        assert "<table" in page
        assert "&lt;table" not in page


@pytest.mark.parametrize("room", ROOMS)
def test_the_reference_has_every_name_of_a_room(site, room):
    anchors = site[0][Path(f"api/{room}.html")].anchors
    missing = [name for name in getattr(ps, room).__all__ if f"presoftmax.{room}.{name}" not in anchors]
    assert not missing, f"no docstring, or not found: {missing}"


def test_the_reference_has_every_name_of_the_package(site):
    pages, _ = site
    anchors = set().union(*(page.anchors for place, page in pages.items() if place.parts[0] == "api"))
    table = (ROOT / "docs" / "api" / "presoftmax.md").read_text(encoding="utf-8")
    values = {"__version__", "schema"}
    for name in set(ps.__all__) - set(ROOMS) - values:
        assert f"presoftmax.{name}" in anchors or f"`ps.{name}`" in table, name
    assert all(f"[`ps.{room}`]({room}.md)" in table for room in ROOMS)


def test_the_gallery_has_every_figure():
    gallery = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
    figures = [*ROOT.glob("docs/figures/*.png"), *ROOT.glob("results/*/figures/*.png")]
    assert len(figures) > 20
    for figure in figures:
        place = os.path.relpath(figure, ROOT / "docs")
        assert re.search(rf"!\[[^\]]+\]\({re.escape(place)}\)\n\n\*[A-Z`]", gallery), f"{place}: missing, or no caption"


SITE = {
    "index.md", "scoring.md", "findings.md", "extending.md", "figures/demo-iterations.png", "results/README.md",
    "results/mixed/figures/figure3.png", "examples/README.md", "notebooks/look_at_a_trace.md", "api/presoftmax.md",
}  # fmt: skip
LINKS = {
    ("findings.md", "[a](../results/README.md)"): "[a](results/README.md)",
    ("findings.md", "![a](../results/mixed/figures/figure3.png)"): "![a](results/mixed/figures/figure3.png)",
    ("api/presoftmax.md", "[a](../scoring.md#levels)"): "[a](../scoring.md#levels)",
    ("index.md", "[a](docs/scoring.md) [b](results/README.md)"): "[a](scoring.md) [b](results/README.md)",
    ("index.md", "![a](docs/figures/demo-iterations.png)"): "![a](figures/demo-iterations.png)",
    ("index.md", "[a](notebooks/look_at_a_trace.ipynb)"): "[a](notebooks/look_at_a_trace.md)",
    ("results/README.md", "[a](../docs/findings.md)"): "[a](../findings.md)",
    ("results/mixed/summary.md", "![a](figures/figure3.png)"): "![a](../../results/mixed/figures/figure3.png)",
    ("examples/README.md", "[a](../docs/extending.md)"): "[a](../extending.md)",
    ("examples/README.md", "[a](../notebooks/look_at_a_trace.ipynb)"): "[a](../notebooks/look_at_a_trace.md)",
    (
        "notebooks/look_at_a_trace.md",
        "[a](../README.md) [b](../docs/scoring.md)",
    ): "[a](../index.md) [b](../scoring.md)",
    ("start.md", "[a](#install) [b](https://x.org/README.md)"): "[a](#install) [b](https://x.org/README.md)",
}


@pytest.fixture(scope="module")
def hooks():
    """The modules that make the site: its files, its links, the notebooks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "docs")
        yield importlib.import_module


@pytest.mark.parametrize(("page", "text"), LINKS)
def test_links_between_files_become_links_between_pages(hooks, page, text):
    assert hooks("_site").translated(text, page, SITE) == LINKS[page, text]


@pytest.mark.parametrize(("page", "text"), [
    ("index.md", "[a](docs/nothing.md)"), ("findings.md", "![a](../results/mixed/figures/none.png)"),
    ("examples/README.md", "[a](../notebooks/none.ipynb)"),
])  # fmt: skip
def test_a_link_to_what_is_not_on_the_site_is_refused(hooks, page, text):
    from mkdocs.exceptions import PluginError

    with pytest.raises(PluginError, match="not on the site"):
        hooks("_site").translated(text, page, SITE)


def test_code_is_no_link(hooks):
    class Page:
        class file:  # noqa: N801
            src_uri = "start.md"

    text = "```python\ncalls[0](images)\n```\n[a](../README.md)\n"
    files = [type("F", (), {"src_uri": "index.md"})]
    assert hooks("_site").on_page_markdown(text, Page, None, files) == text.replace("../README.md", "index.md")


KNOWN = dict.fromkeys(
    ["presoftmax.judge", "presoftmax.Trace", "presoftmax.Trace.judge", "presoftmax.models.Classifier",
     "presoftmax.scores.score", "presoftmax.models.Classifier.name", "presoftmax.data.ImageSet.name"]
)  # fmt: skip
NAMES = {
    ("presoftmax.judge", "presoftmax.judge"): "presoftmax.judge",
    ("Classifier", "presoftmax.judge"): "presoftmax.models.Classifier",
    ("judge", "presoftmax.Trace.save"): "presoftmax.Trace.judge",  # of the same class, before the function
    ("judge", "presoftmax.models.Classifier"): "presoftmax.judge",
    ("presoftmax.scores.score", "presoftmax.judge"): "presoftmax.scores.score",
    ("name", "presoftmax.models.Classifier"): "presoftmax.models.Classifier.name",
    ("name", "presoftmax.judge"): None,  # there are two
    ("steps", "presoftmax.judge"): None,
}


@pytest.mark.parametrize(("name", "place"), NAMES)
def test_a_name_in_a_docstring_is_the_nearest_one(hooks, name, place):
    assert hooks("_crossrefs").resolve(name, place, KNOWN) == NAMES[name, place]
