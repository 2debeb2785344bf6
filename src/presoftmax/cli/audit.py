"""Showing an audit."""

import json
import sys
from contextlib import redirect_stdout
from pathlib import Path

from rich.console import Console
from rich.table import Table

from presoftmax.workflows import run_audit

__all__ = ["show_audit"]


def show_audit(model: str, images: str, labels: Path | None, device: str | None, out: Path, as_json: bool) -> None:
    """Run the audit and print what was found, or one JSON object."""
    # Whatever a model prints must not get between a script and its JSON.
    with redirect_stdout(sys.stderr), Console(stderr=True).status(f"{model} looks at {images}"):
        done = run_audit(model, images, labels, device, out)
    if as_json:
        print(json.dumps(done.summary))
        return
    console = Console()
    for sentence in done.sentences:
        console.print(f"{sentence}\n", highlight=False)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("natural range", "smallest", "5 %", "median", "95 %", "largest"):
        table.add_column(heading, justify="left" if heading == "natural range" else "right")
    for name, values in done.summary["ranges"].items():
        table.add_row(name, *(f"{value:.2f}" for value in values.values()))
    console.print(table)
    reference = done.summary["reference"] or "none (20 images are needed)"
    text = f"\nThe page and the figure are in {out}; the natural reference: {reference}"
    console.print(text, highlight=False, soft_wrap=True)
