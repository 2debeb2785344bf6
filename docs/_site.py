"""What the site takes from beside this folder: results with their figures, examples, README, changelog.

A hook of mkdocs. On the site these lie below the root; links to them, and theirs to here, are changed alike.
"""

import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parent.parent
TAKEN = (
    "results/**/*.md", "results/**/*.png", "results/**/*.json", "results/**/*.toml", "results/**/*.py", "examples/*.*",
    "CONTRIBUTING.md", "CHANGELOG.md", "CITATION.cff", "LICENSE",
)  # fmt: skip


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the files of `TAKEN`, and the README as the first page."""
    for pattern in TAKEN:
        for path in sorted(ROOT.glob(pattern)):
            files.append(File.generated(config, path.relative_to(ROOT).as_posix(), abs_src_path=str(path)))
    files.append(File.generated(config, "index.md", content=(ROOT / "README.md").read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Any, config: MkDocsConfig, files: Files) -> str:
    """Make links between this folder and what lies beside it those of the site."""
    here = page.file.src_uri

    def link(match: re.Match[str]) -> str:
        target = match.group(1)
        if target.startswith(("http", "#", "mailto:")):
            return match.group(0)
        return f"]({_on_site(_joined(_in_repository(here), target), here, files)})"

    return re.sub(r"\]\(([^)\s]+)\)", link, markdown)


def _in_repository(uri: str) -> str:
    """Where a page of the site lies in the repository."""
    if uri == "index.md":
        return "README.md"
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


def _on_site(path: str, here: str, files: Files) -> str:
    """A path of the repository as a link from a page of the site; what is no page of it is shown where the code is."""
    name, _, anchor = path.partition("#")
    uri = "index.md" if name == "README.md" else name.removeprefix("docs/")
    if files.get_file_from_path(uri) is None:
        raise PluginError(f"{here}: a link to {name}, which is not on the site")
    up = "../" * here.count("/")
    return f"{up}{uri}{'#' + anchor if anchor else ''}"
