"""Showing how a study goes on."""

import json
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.progress import BarColumn, TimeElapsedColumn
from rich.text import Text

from presoftmax.choices import EngineKind
from presoftmax.cli.display import Display, plain_table, plain_text, quiet, say, terminal
from presoftmax.cli.signals import status_of_signal
from presoftmax.errors import StudyError, one_line
from presoftmax.storage import replace_text
from presoftmax.study import ModelNames, StudyConfig, StudyFolder

if TYPE_CHECKING:
    from presoftmax.study import Engine, Pace, Status, Unit
    from presoftmax.tracing import Block, Job

__all__ = [
    "UNFINISHED",
    "engine_of",
    "show_plan",
    "show_report",
    "show_run",
    "show_status",
    "study_of",
    "write_template",
]

UNFINISHED = 75
"""Exit status of a run that its clock has ended before it was finished: EX_TEMPFAIL, "try again later"."""


@contextmanager
def engine_of(name: str, device: str | None, address: str | None, cpus: int) -> Iterator["Engine"]:
    """The engine of that name, while the block lasts; raises `StudyError` for options that belong to another one."""
    if name != EngineKind.RAY and address is not None:
        raise StudyError("--address goes with --engine ray")
    from presoftmax.study.engines import LocalEngine, RayEngine, ray_apart, ray_log

    if name == EngineKind.RAY:
        with ray_apart(ray_log()):
            engine = RayEngine(address, device, cpus)
            try:
                yield engine
            finally:
                engine.close()
        return
    yield LocalEngine(device.split(",") if device else ())


def show_run(
    config: StudyConfig, out: Path, engine: "Engine", batch_size: int | None, max_hours: float | None = None
) -> StudyFolder:
    """Run a study with progress on stderr; when a signal or the clock ends it, says how to go on."""
    from presoftmax.study import run_study

    with _Progress() as progress:
        try:
            with quiet():
                folder = run_study(config, out, engine, progress, batch_size, max_hours)
        except KeyboardInterrupt:
            progress.stop()
            kept = f"what is finished is in {one_line(out)}"
            print(f"presoftmax: interrupted; run again to go on, {kept}", file=sys.stderr)
            sys.exit(status_of_signal())
    if progress.left:
        kept = f"what is finished is in {one_line(out)}"
        hours = f"{max_hours:g} {'hour' if max_hours == 1 else 'hours'}"
        left = f"{progress.left} {'unit' if progress.left == 1 else 'units'} left"
        print(f"presoftmax: stopped after {hours}, {left}; run again to go on, {kept}", file=sys.stderr)
        sys.exit(UNFINISHED)
    return folder


def study_of(path: Path) -> tuple[StudyConfig, Path]:
    """The study of a TOML file and the folder that it goes to by default, or that of a study's folder."""
    if path.is_dir():
        return StudyFolder.open(path).config(), path
    config = StudyConfig.load(path)
    ModelNames.of(config)
    return config, Path("presoftmax-runs") / path.stem


def write_template(path: Path, models: Sequence[str], images: str | None, labels: str | None) -> None:
    """Write a commented study; raises `StudyError` where there is a file already."""
    from presoftmax.study import template

    if path.exists():
        raise StudyError(f"{path}: exists already")
    with quiet():
        text = template(models, images, labels)
    replace_text(path, text)
    holds = "the paper's study" if not models and images is None else "a study of your own"
    where = "your images are" if models else "ImageNet is"
    following = "next" if images is not None else f"say in it where {where}, then"
    print(one_line(f"{path} holds {holds}; {following}: presoftmax plan {path}"))


def show_plan(config: StudyConfig, device: str | None, batch_size: int | None, as_json: bool) -> None:
    """Print what a study will cost."""
    from presoftmax.study import make_plan

    with quiet("measuring for a few seconds"):
        plan = make_plan(config, device, batch_size)
    if as_json:
        print(json.dumps(plan.values()))
        return
    console = terminal()
    few = f" (only {plan.candidates} candidates)" if plan.candidates < config.images.count else ""
    lines = (
        f"{plan.images} images at most{few} of {plan.candidates} candidates, {plan.trajectories} trajectories in "
        f"{plan.units} units",
        f"passes, in images: {plan.forwards:,} forward, {plan.backwards:,} backward",
        f"rows: {plan.steps_rows:,} steps, {plan.transfers_rows:,} transfers; about {_bytes(plan.gigabytes)} on disk",
        f"about {_hours(plan.hours)} on one {plan.device}, choosing the images, noise and copies not counted:",
    )
    for line in lines:
        say(console, line)
    headings = ("attack", "source", "iterations", "ms per image-iteration", "time")
    table = plain_table(headings, left=("attack", "source"))
    for cost in plan.costs:
        per = f"{1000 * cost.seconds_per_image_iteration:.2f}"
        table.add_row(cost.attack, cost.source, str(cost.steps), per, _hours(cost.hours))
    console.print(table)


def show_status(folder: Path, as_json: bool) -> None:
    """Print how far a study is."""
    from presoftmax.study import status_of

    status = status_of(folder)
    if as_json:
        print(json.dumps(status.values()))
        return
    console = terminal()
    skipped = f", {status.skipped} could not be read" if status.skipped else ""
    chosen = f"{status.images} images of {status.looked_at} looked at{skipped}"
    say(console, f"{status.title}: {'the images are still being chosen' if status.images is None else chosen}")
    if any(each.done or each.units for each in status.progress):
        _show_progress(status)
    if status.pace is not None:
        _show_pace(status.pace)
    for text in status.ignored:
        say(console, f"ignored: {text}")
    for name, count in status.unanswered.items():
        say(console, f"{name} did not answer in time {count} times, and was asked again")
    for text in status.damaged:
        say(console, f"damaged: {text}")
    if status.finished:
        say(console, f"finished: presoftmax report {folder}")
    elif status.readable:
        say(console, f"to go on: presoftmax run {folder}")
    else:
        say(console, "to go on: presoftmax run the study's TOML file with another --out")


def _show_pace(pace: "Pace") -> None:
    console = terminal()
    speeds = {"now": pace.images_per_second, "over the last hour": pace.images_per_second_last_hour}
    known = ", ".join(f"{_rate(speed)} {when}" for when, speed in speeds.items() if speed is not None)
    seen = (
        f"a run is at work, last seen {pace.seen}"
        if pace.running
        else f"no run is at work; the last was seen {pace.seen}"
    )
    say(console, seen)
    say(console, f"image-iterations a second: {known or 'not known yet'}")
    if pace.seconds_left is not None:
        left = f"{pace.images_left:,} image-iterations are left: about {_hours(pace.seconds_left / 3600)}"
        say(console, f"{left}, until {pace.ends}" if pace.ends else left)


def _rate(speed: float) -> str:
    return f"{speed:,.0f}" if speed >= 10 else f"{speed:.2g}"


def _show_progress(status: "Status") -> None:
    table = plain_table(("attack", "source", "units", "took", "left"), left=("attack", "source"))
    for each in status.progress:
        left = "–" if each.seconds_left is None else _hours(each.seconds_left / 3600)
        units = "?" if each.units is None else str(each.units)
        table.add_row(each.attack, each.source, f"{each.done}/{units}", _hours(each.seconds / 3600), left)
    terminal().print(table)


def show_report(folder: Path, as_json: bool) -> None:
    """Write the report and print the claims."""
    StudyFolder.open(folder)
    from presoftmax.study import Results
    from presoftmax.study.report import write_study_report

    with terminal(stderr=True).status("reading the tables, drawing the figures"):
        report = write_study_report(Results.of(folder))
    if as_json:
        print(report.claims.read_text(encoding="utf-8"), end="")
        return
    headings = ("", "claim", "verdict", "value")
    table = plain_table(headings, left=headings)
    for column in table.columns:
        column.no_wrap = column.header != "claim"
    for row in report.rows:
        table.add_row(row.claim.id, row.claim.title, _colored(row.verdict), row.value)
    console = terminal()
    console.print(table)
    say(console, f"\nTo look at every example: presoftmax explore {shlex.quote(str(folder))}")
    say(console, f"The report is {report.page}, every measurement in {report.claims}")


def _colored(verdict: str) -> Text:
    color = {"holds": "green", "holds in part": "yellow", "does not hold": "red"}.get(verdict, "dim")
    return Text(verdict, style=color)


def _bytes(gigabytes: float) -> str:
    return f"{gigabytes:.1f} GB" if gigabytes >= 1 else f"{1000 * gigabytes:.1f} MB"


def _hours(hours: float) -> str:
    if hours < 1 / 60:
        return f"{3600 * hours:.0f} s"
    return f"{60 * hours:.0f} min" if hours < 2 else f"{hours:.1f} h"


class _Progress(Display):
    """A bar over all units, the unit under way beside it; a line for each where there is no terminal."""

    def __init__(self) -> None:
        super().__init__(
            terminal(stderr=True),
            BarColumn(bar_width=20),
            plain_text("{task.completed:.0f}/{task.total:.0f} units"),
            plain_text("{task.fields[seen]}"),
            TimeElapsedColumn(),
        )
        self.left = 0

    def choosing(self, found: int, wanted: int, looked_at: int) -> None:
        """Say how many images are found."""
        self._say(f"{min(found, wanted)} of {wanted} images that every model gets right, {looked_at} looked at")

    def chosen(self, images: int, looked_at: int, units: int, left: int) -> None:
        """Say what is to be done."""
        self.left = left
        self._say(f"{images} images chosen of {looked_at} looked at; {units} units, {left} of them to be done")
        self._task = self._bar.add_task("units", total=units, completed=units - left, seen="")

    def progressed(self, job: "Job", block: "Block") -> None:
        """Show where the unit under way is."""
        if self._task is not None:
            batch = f"batch {block.batch + 1}/{job.batches} " if job.batches > 1 else ""
            where = f"{job.attack.name} on {job.source.name}: {batch}iteration {block.iteration}/{job.attack.steps}"
            self._bar.update(self._task, seen=where)

    def finished(self, unit: "Unit", receipt: dict[str, Any], left: int) -> None:
        """Move the bar, and say what was remarkable."""
        self.left = left
        if self._task is not None:
            self._bar.advance(self._task)
        if receipt.get("batch_halved"):
            self._say(f"{unit}: memory was too small; done with {receipt['batch_size']} images at a time")
        for name, count in receipt.get("unanswered", {}).items():
            self._say(f"{unit}: {name} did not answer in time {count} times, and was asked again")
        if not self._console.is_terminal:
            rate = receipt["image_iterations"] / max(receipt["seconds"], 1e-9)
            self._say(f"{unit}: {receipt['seconds']:.0f} s, {rate:.0f} image-iterations a second; {left} units left")
