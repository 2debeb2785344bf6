"""Showing a scoring."""

import json
import sys
from pathlib import Path

from presoftmax.cli.display import plain_table, quiet, say, terminal
from presoftmax.workflows import ScoreSettings, Scoring, run_scoring

__all__ = ["show_score"]

_SHOWN = 30


def show_score(settings: ScoreSettings, out: Path | None, as_json: bool) -> None:
    """Score the images and print the table, or one JSON object."""
    with quiet(f"{settings.source} looks at {settings.adversarial}"):
        done = run_scoring(settings, out)
    for text in done.warnings:
        print(f"presoftmax: warning: {text}", file=sys.stderr)
    if as_json:
        print(json.dumps({**done.summary, "examples": done.measured.strength.to_dicts()}))
        return
    _print(done)


def _print(done: Scoring) -> None:
    console = terminal()
    headings = ("rank", "by conf.", "example", "conf.", "CA1", "miscl. log-odds", "group", "verdict")
    table = plain_table(headings, left=("example", "verdict"), overflow="fold")
    rows = done.measured.strength.sort("rank", "example")
    for row in rows.head(_SHOWN).iter_rows(named=True):
        table.add_row(
            str(row["rank"]),
            str(row["rank_by_confidence"]),
            row["example"],
            f"{row['confidence']:.3f}",
            f"{row['ca1']:.1f}",
            f"{row['misclassification_log_odds']:.1f}",
            f"{row['best_group_log_odds']:.1f}",
            row["verdict"],
        )
    console.print(table)
    if rows.height > _SHOWN:
        console.print(f"... and {rows.height - _SHOWN} more", highlight=False)
    kinds = ", ".join(f"{count} {kind}" for kind, count in done.summary["verdicts"].items() if count)
    survival = ", ".join(f"{name} {100 * share:.0f} %" for name, share in done.summary["survival"].items())
    transfer = ", ".join(f"{name} {100 * share:.0f} %" for name, share in done.summary["transfer"].items())
    shown = f"fooled victims: {transfer or 'none shown'}"
    for line in (f"\n{kinds}", f"the source is still fooled after: {survival}", shown):
        say(console, line)
    say(console, f"\nThe page and the tables are in {done.folder}")
