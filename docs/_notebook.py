"""A notebook as a page: its text, its code, and what it shows."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def markdown_of(path: Path) -> str:
    """The Markdown of a notebook's cells, from top to bottom."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    return "\n\n".join(part for cell in notebook["cells"] for part in _parts(cell)) + "\n"


def _parts(cell: dict[str, Any]) -> Iterator[str]:
    source = "".join(cell["source"])
    if cell["cell_type"] != "code":
        yield source
        return
    yield _fenced(source, "python")
    for output in cell["outputs"]:
        data = output.get("data", {})
        if "text/html" in data:
            lines = "".join(data["text/html"]).splitlines()  # an empty one would end the block of HTML
            yield "\n".join(["<div>", *(line for line in lines if line.strip()), "</div>"])
        elif "image/png" in data:
            image = "".join(data["image/png"]).strip()
            yield f'<img alt="What the code above draws" src="data:image/png;base64,{image}">'
        else:
            yield _fenced("".join(output.get("text", data.get("text/plain", ""))), "text")


def _fenced(text: str, language: str) -> str:
    return f"```{language}\n{text.rstrip()}\n```"
