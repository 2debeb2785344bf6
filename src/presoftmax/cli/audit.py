"""Showing an audit."""

import json
from pathlib import Path

from presoftmax.cli.display import plain_table, quiet, say, terminal
from presoftmax.data import check_location

__all__ = ["show_audit"]


def show_audit(
    model: str, images: str, labels: Path | None, device: str | None, out: Path | None, as_json: bool
) -> None:
    """Run the audit and print what was found, or one JSON object."""
    check_location(images, labels)
    from presoftmax.workflows import run_audit

    with quiet(f"{model} looks at {images}"):
        done = run_audit(model, images, labels, device, out)
    if as_json:
        print(json.dumps(done.summary))
        return
    console = terminal()
    for sentence in done.sentences:
        console.print(f"{sentence}\n", highlight=False)
    table = plain_table(("natural range", "smallest", "5 %", "median", "95 %", "largest"), left=("natural range",))
    for name, values in done.summary["ranges"].items():
        table.add_row(name, *(f"{value:.2f}" for value in values.values()))
    console.print(table)
    if done.skipped:
        first = done.skipped[0]
        say(console, f"\n{len(done.skipped)} files could not be used; the first: {first.file}: {first.reason}")
    reference = done.summary["reference"] or "none (20 images are needed)"
    say(console, f"\nThe page and the figure are in {done.folder}; the natural reference: {reference}")
