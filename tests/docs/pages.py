"""The pages that readers copy from, and the snippets in them."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))
GUIDES = (
    *PAGES,
    *(page for folder in ("examples", "benchmarks", "results") for page in sorted((ROOT / folder).rglob("*.md"))),
)

_FENCED = re.compile(
    r"^(?:<!-- not run: (?P<reason>[^\n]+?) -->\n+)?```(?P<language>\w+)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Snippet:
    """Fenced code, and where it stands."""

    page: Path
    line: int
    language: str
    code: str
    reason: str | None
    """Why it is not run, where an HTML comment above it says so: ``<!-- not run: REASON -->``."""

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def snippets_in(page: Path, text: str, language: str) -> list[Snippet]:
    """The snippets of a language, from top to bottom."""
    return [
        Snippet(page, text[: found.start("code")].count("\n") + 1, language, found["code"], found["reason"])
        for found in _FENCED.finditer(text)
        if found["language"] == language
    ]


def snippets_of(page: Path, language: str) -> list[Snippet]:
    return snippets_in(page, page.read_text(encoding="utf-8"), language)
