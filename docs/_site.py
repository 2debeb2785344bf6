"""What the site takes from beside this folder: results with their figures, examples, notebooks, README, changelog.

A hook of mkdocs. On the site these lie below the root; links to them, and theirs to here, are changed alike. A link
that leads to no file of the site ends the build.
"""

import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from _notebook import markdown_of
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parent.parent
TAKEN = (
    "results/**/*.md", "results/**/*.png", "results/**/*.json", "results/**/*.toml", "results/**/*.py",
    "examples/*.md", "examples/*.py", "examples/*.toml",
    "CONTRIBUTING.md", "CHANGELOG.md", "CITATION.cff", "LICENSE",
)  # fmt: skip
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the files of `TAKEN`, the notebooks as pages, and the README as the first page."""
    for pattern in TAKEN:
        for path in sorted(ROOT.glob(pattern)):
            files.append(File.generated(config, path.relative_to(ROOT).as_posix(), abs_src_path=str(path)))
    for path in sorted(ROOT.glob("notebooks/*.ipynb")):
        files.append(File.generated(config, f"notebooks/{path.stem}.md", content=markdown_of(path)))
    files.append(File.generated(config, "index.md", content=(ROOT / "README.md").read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Any, config: MkDocsConfig, files: Files) -> str:
    """Make links between this folder and what lies beside it those of the site; code is left as it is."""
    here = page.file.src_uri
    there = {file.src_uri for file in files}
    parts, end = [], 0
    for code in _FENCE.finditer(markdown):
        parts += [translated(markdown[end : code.start()], here, there), code[0]]
        end = code.end()
    return "".join([*parts, translated(markdown[end:], here, there)])


def translated(text: str, here: str, there: Collection[str]) -> str:
    """The text of a page of the site, with its links those between files of the site."""

    def link(match: re.Match[str]) -> str:
        target = match.group(1)
        if target.startswith(("http", "#", "mailto:")):
            return match.group(0)
        return f"]({_on_site(_joined(_in_repository(here), target), here, there)})"

    return _LINK.sub(link, text)


def _in_repository(uri: str) -> str:
    """Where a page of the site lies in the repository."""
    if uri == "index.md":
        return "README.md"
    if uri.startswith("notebooks/"):
        return uri.removesuffix(".md") + ".ipynb"
    return uri if (ROOT / uri).is_file() else f"docs/{uri}"


def _joined(origin: str, target: str) -> str:
    """A link's path from the root of the repository."""
    parts = origin.split("/")[:-1]
    for part in target.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def _on_site(path: str, here: str, there: Collection[str]) -> str:
    """A path of the repository as a link from a page of the site."""
    name, _, anchor = path.partition("#")
    uri = "index.md" if name == "README.md" else name.removeprefix("docs/")
    uri = uri.removesuffix(".ipynb") + ".md" if uri.endswith(".ipynb") else uri
    if uri not in there:
        raise PluginError(f"{here}: a link to {name}, which is not on the site")
    up = "../" * here.count("/")
    return f"{up}{uri}{'#' + anchor if anchor else ''}"
