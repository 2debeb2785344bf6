"""Showing a scoring."""

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from presoftmax.cli.display import plain_table, quiet, say, terminal
from presoftmax.errors import one_line
from presoftmax.workflows import ScoreSettings

if TYPE_CHECKING:
    from presoftmax.analysis import Share
    from presoftmax.workflows import Scoring

__all__ = ["show_score"]

_SHOWN = 30


def show_score(settings: ScoreSettings, out: Path | None, as_json: bool) -> None:
    """Score the images and print the table, or one JSON object."""
    settings.check()
    from presoftmax.workflows import run_scoring

    with quiet(f"{settings.source} looks at {settings.adversarial}"):
        done = run_scoring(settings, out)
    for text in done.judged.notes:
        print(f"presoftmax: warning: {one_line(text)}", file=sys.stderr)
    if as_json:
        print(json.dumps(done.values()))
        return
    _print(done)


def _print(done: "Scoring") -> None:
    console = terminal()
    asked = done.judged.measured.surrogates is not None
    fitted = done.judged.measured.predicted is not None
    more = (*(("expected",) if asked else ()), *(("P",) if fitted else ()))
    headings = ("rank", "by conf.", "example", "conf.", "CA1", "log-odds", *more, "verdict")
    table = plain_table(headings, left=("example", "verdict"), overflow="fold")
    rows = done.judged.table.sort("rank", "example", nulls_last=True)
    for row in rows.head(_SHOWN).iter_rows(named=True):
        marks = [name for name in ("over_optimized", "disguised") if row[name]]
        table.add_row(
            _rank(row["rank"]),
            _rank(row["rank_by_confidence"]),
            row["example"],
            f"{row['confidence']:.3f}",
            f"{row['ca1']:.1f}",
            f"{row['misclassification_log_odds']:.1f}",
            *([_number(row["expected_transfer"])] if asked else []),
            *([_probability(row)] if fitted else []),
            ", ".join((row["verdict"], *marks)).replace("_", "-"),
        )
    console.print(table)
    if rows.height > _SHOWN:
        console.print(f"... and {rows.height - _SHOWN} more", highlight=False)
    if asked:
        what = "expected: how far it is to be expected to fool a model that was not asked (a rank)"
        say(console, f"{what}; P: the probability, its interval is in the tables" if fitted else what)
    console.print()
    totals = plain_table(("in total", ""), left=("in total", ""), overflow="fold")
    for name, text in done.judged.summary.lines():
        totals.add_row(name, text)
    console.print(totals)
    kinds = ", ".join(f"{count} {level}" for level, count in done.judged.summary.levels.items() if count)
    survival = ", ".join(f"{name} {_percent(share)}" for name, share in done.judged.summary.survival.items())
    for line in (f"\n{kinds}", f"of the adversarial ones the source is fooled after: {survival}"):
        say(console, line)
    say(console, f"\nTo look at every example: presoftmax explore {shlex.quote(str(done.folder))}")
    say(console, f"The page and the tables are in {done.folder}")


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _probability(row: dict[str, Any]) -> str:
    """A question mark where the example lies outside what was fitted; the interval has no room here."""
    return f"{row['transfer_probability']:.2f}{'?' if row['outside_fit'] else ''}"


def _percent(share: "Share") -> str:
    return "–" if share.value is None else f"{100 * share.value:.0f} %"


def _rank(number: int | None) -> str:
    return "" if number is None else str(number)
