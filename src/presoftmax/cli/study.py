"""Showing how a study goes on."""

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from presoftmax.errors import StudyError
from presoftmax.study.config import StudyConfig
from presoftmax.study.engines import Engine
from presoftmax.study.folder import StudyFolder, Unit
from presoftmax.study.run import run_study
from presoftmax.tracing import Block, Job

__all__ = ["make_engine", "show_run"]


def make_engine(name: str, device: str | None, address: str | None, cpus: int) -> Engine:
    """The engine of that name; raises `StudyError` for options that belong to another one."""
    if name == "ray":
        from presoftmax.study.engines.ray import RayEngine

        return RayEngine(address, device, cpus)
    if address is not None:
        raise StudyError("--address goes with --engine ray")
    from presoftmax.study.engines.local import LocalEngine

    return LocalEngine(device.split(",") if device else ())


def show_run(config: StudyConfig, out: Path, engine: Engine, batch_size: int | None) -> StudyFolder:
    """Run a study with progress on stderr; after Ctrl-C says how to go on, and exits with status 130."""
    with _Progress() as progress:
        try:
            # Whatever a model prints must not get between a script and its output.
            with redirect_stdout(sys.stderr):
                return run_study(config, out, engine, progress, batch_size)
        except KeyboardInterrupt:
            progress.stop()
            print(f"presoftmax: interrupted; run again to go on, what is finished is in {out}", file=sys.stderr)
            sys.exit(130)


class _Progress:
    """A bar over all units, the unit under way beside it; a line for each where there is no terminal."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._bar = Progress(
            BarColumn(bar_width=20),
            TextColumn("{task.completed:.0f}/{task.total:.0f} units"),
            TextColumn("{task.fields[seen]}"),
            TimeElapsedColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> "_Progress":
        self._bar.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.stop()

    def stop(self) -> None:
        """Leave the bar as it is."""
        self._bar.stop()

    def choosing(self, found: int, wanted: int, looked_at: int) -> None:
        """Say how many images are found."""
        self._say(f"{min(found, wanted)} of {wanted} images that every model gets right, {looked_at} looked at")

    def chosen(self, images: int, looked_at: int, units: int, left: int) -> None:
        """Say what is to be done."""
        self._say(f"{images} images chosen of {looked_at} looked at; {units} units, {left} of them to be done")
        self._task = self._bar.add_task("units", total=units, completed=units - left, seen="")

    def progressed(self, job: Job, block: Block) -> None:
        """Show where the unit under way is."""
        if self._task is not None:
            batch = f"batch {block.batch + 1}/{job.batches} " if job.batches > 1 else ""
            where = f"{job.attack.name} on {job.source.name}: {batch}iteration {block.iteration}/{job.attack.steps}"
            self._bar.update(self._task, seen=where)

    def finished(self, unit: Unit, facts: dict[str, Any], left: int) -> None:
        """Move the bar, and say what was remarkable."""
        if self._task is not None:
            self._bar.advance(self._task)
        if facts.get("batch_halved"):
            self._say(f"{unit}: memory was too small; done with {facts['batch_size']} images at a time")
        if not self._console.is_terminal:
            rate = facts["image_iterations"] / max(facts["seconds"], 1e-9)
            self._say(f"{unit}: {facts['seconds']:.0f} s, {rate:.0f} image-iterations a second; {left} units left")

    def _say(self, text: str) -> None:
        self._console.print(text, highlight=False, soft_wrap=True)
