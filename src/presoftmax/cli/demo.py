"""Showing a demo run: progress on stderr, the table and the sentences, or one JSON object, on stdout."""

import json
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, TimeRemainingColumn
from rich.table import Table

from presoftmax.cli.display import Display, plain_table, plain_text, quiet, say, terminal
from presoftmax.cli.signals import status_of_signal
from presoftmax.errors import one_line
from presoftmax.workflows import DemoSettings

if TYPE_CHECKING:
    from presoftmax.report.run import TableRow
    from presoftmax.tracing import Block, Job, Selection

__all__ = ["show_demo"]

_HEADINGS = ("iteration", "confidence", "exactly 1", "CA1", "log-odds")
_GAP = 2
_FIXED = sum(max(len(name), 5) + _GAP for name in _HEADINGS)


def show_demo(settings: DemoSettings, out: Path | None, as_json: bool) -> None:
    """Run the demo and show it; when a signal ends it, says what is kept."""
    settings.check()
    from presoftmax.workflows import DemoInterruptedError, run_demo

    errors = terminal(stderr=True)
    say(
        errors,
        f"{settings.source} attacked for {_iterations(settings)} iterations (alpha {settings.alpha:g}, "
        f"{settings.discretization}), victims {', '.join(settings.victims) or 'none'}",
    )
    with _Display(errors) as display:
        try:
            with quiet():
                done = run_demo(settings, out, display)
        except DemoInterruptedError as interrupt:
            display.stop()
            kept = f"what was finished is in {interrupt.folder}" if interrupt.folder else "nothing was written"
            print(f"presoftmax: interrupted {interrupt.where}; {one_line(kept)}", file=sys.stderr)
            sys.exit(status_of_signal())
    if as_json:
        print(json.dumps(done.summary))
        return
    console = terminal()
    names = _victim_headings(done.summary["victims"], console.width)
    for table in _tables(done.summary, names):
        console.print(table)
    for name, victim in zip(names, done.summary["victims"], strict=True):
        if victim not in name:
            say(console, f"{name}: {victim}")
    for sentence in done.sentences:
        console.print(f"\n{sentence}", highlight=False)
    console.print()
    say(console, "To look at every example, iteration by iteration, in the browser:")
    say(console, f"presoftmax explore {shlex.quote(str(done.folder))}")
    say(console, f"The figures, the images and both tables are in {done.folder}; the page:")
    say(console, str(done.folder / "report.html"))


def _iterations(settings: DemoSettings) -> str:
    return " and ".join(dict.fromkeys(str(attack.steps) for attack in settings.attacks()))


class _Display(Display):
    """A progress bar for each attack that says what matters; one line at the end of each where there is no terminal."""

    def __init__(self, console: Console) -> None:
        super().__init__(
            console,
            BarColumn(bar_width=10),
            plain_text("{task.fields[seen]}"),
            TimeRemainingColumn(compact=True),
        )

    def selected(self, selection: "Selection") -> None:
        """Say how many photos there are, and what became of the others."""
        counts = ", ".join(f"{name} {count}" for name, count in selection.correct.items())
        self._say(
            f"{len(selection.images)} photos of {selection.looked_at} looked at, all models right (right: {counts})"
        )
        if selection.skipped:
            first = selection.skipped[0]
            self._say(f"{len(selection.skipped)} files could not be used; the first: {first.file}: {first.reason}")
        for name, count in selection.not_finite.items():
            if count:
                self._say(f"{name} answered {count} photos with NaN or infinity; they are left out")

    def started(self, job: "Job") -> None:
        """Name the attack, and show a new bar."""
        self._say(f"{job.attack.name}:")
        self._reached: dict[int, int] = {}
        total = (job.attack.steps + 1) * job.batches
        self._task = self._bar.add_task(job.attack.name, total=total, seen="")

    def progressed(self, job: "Job", block: "Block") -> None:
        """Move the bar, and show the last iteration's means."""
        if self._task is None:
            return
        # Batches may go on side by side.
        self._reached[block.batch] = block.iteration + 1
        done = sum(self._reached.values())
        batch = f"batch {block.batch + 1}/{job.batches}  " if job.batches > 1 else ""
        where = f"{batch}iteration {block.iteration}/{job.attack.steps}"
        self._bar.update(self._task, completed=done, seen=f"{where}  {_seen(block)}")

    def finished(self, job: "Job") -> None:
        """Say so where no bar is shown."""
        if not self._console.is_terminal:
            self._say(f"  {job.attack.steps} iterations done")


def _seen(block: "Block") -> str:
    import polars as pl

    from presoftmax.tables import NOT_FINITE

    steps = block.steps.filter((pl.col("iteration") == block.iteration) & (pl.col("predicted") != NOT_FINITE))
    transfers = block.transfers.filter(pl.col("iteration") == block.iteration)
    means = steps.select(pl.col("confidence", "ca1", "log_odds").cast(pl.Float64).mean()).row(0)
    if any(value is None for value in means):
        return "no finite answer"
    shares = transfers.group_by("victim", maintain_order=True).agg(pl.col("misclassified").mean())
    fooled = " ".join(f"{100 * share:.0f}%" for share in shares["misclassified"])
    text = "conf {:.2f}  CA1 {:.1f}  log-odds {:.1f}".format(*means)
    return f"{text}  fools {fooled}" if fooled else text


def _victim_headings(victims: Sequence[str], width: int) -> list[str]:
    """Names under "fools" where all of them fit beside the other columns, else numbers, which are explained below."""
    left = width - _FIXED
    if sum(max(len(name), len("fools")) + _GAP for name in victims) <= left:
        return [f"fools\n{name}" for name in victims]
    return [f"fools {number}" for number in range(1, len(victims) + 1)]


def _tables(summary: dict[str, Any], victims: Sequence[str]) -> Iterator[Table]:
    from presoftmax.report.run import short_table

    rows = short_table(summary)
    for attack in summary["attacks"]:
        table = plain_table((*_HEADINGS, *victims), no_wrap=True)
        table.title, table.title_justify, table.title_style = attack, "left", "bold"
        for row in rows:
            if row.attack == attack:
                table.add_row(*_cells(row))
        yield table


def _cells(row: "TableRow") -> list[str]:
    saturated, *transfer = (f"{100 * share:.0f} %" for share in (row.saturated, *row.transfer))
    return [
        str(row.iteration),
        f"{row.confidence:.3f}",
        saturated,
        f"{row.ca1:.1f}",
        f"{row.log_odds:.1f}",
        *transfer,
    ]
