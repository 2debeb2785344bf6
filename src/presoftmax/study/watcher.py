"""Following a study as it runs."""

from typing import TYPE_CHECKING, Any, Protocol, Self

from presoftmax.progress import Bar
from presoftmax.study.units import Unit

if TYPE_CHECKING:
    from presoftmax.tracing import Block, Job

__all__ = ["Quiet", "StudyWatcher", "UnitsBar"]


class StudyWatcher(Protocol):
    """What is told about the progress of a study."""

    def choosing(self, found: int, wanted: int, looked_at: int) -> None:
        """More candidates have been looked at."""
        ...

    def chosen(self, images: int, looked_at: int, units: int, left: int) -> None:
        """The images have been chosen; ``left`` of ``units`` units are to be done."""
        ...

    def progressed(self, job: "Job", block: "Block") -> None:
        """Some iterations of the unit under way are done (only one process on this machine can tell)."""
        ...

    def finished(self, unit: Unit, receipt: dict[str, Any], left: int) -> None:
        """A unit is in the folder."""
        ...


class Quiet:
    """A watcher that says nothing."""

    def choosing(self, found: int, wanted: int, looked_at: int) -> None:
        """Nothing."""

    def chosen(self, images: int, looked_at: int, units: int, left: int) -> None:
        """Nothing."""

    def progressed(self, job: "Job", block: "Block") -> None:
        """Nothing."""

    def finished(self, unit: Unit, receipt: dict[str, Any], left: int) -> None:
        """Nothing."""


class UnitsBar(Quiet):
    """A watcher that shows a bar of the units; used as a context.

    Args:
        wanted: as `presoftmax.progress.Bar` has it.
    """

    def __init__(self, wanted: bool | None) -> None:
        if wanted is not None and not isinstance(wanted, bool):
            raise TypeError(f"progress: expected True, False or None, got {type(wanted).__name__}")
        self._wanted = wanted
        self._bar: Bar | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.__exit__(None, None, None)

    def chosen(self, images: int, looked_at: int, units: int, left: int) -> None:
        """Begin the bar."""
        self._bar = Bar("units of the study", left, self._wanted)

    def progressed(self, job: "Job", block: "Block") -> None:
        """Say where the unit under way is."""
        self._advance(0, f"{job.attack.name} on {job.source.name}: iteration {block.iteration}/{job.attack.steps}")

    def finished(self, unit: Unit, receipt: dict[str, Any], left: int) -> None:
        """Move the bar."""
        self._advance(1, str(unit))

    def _advance(self, steps: int, seen: str) -> None:
        if self._bar is not None:
            self._bar.advance(steps, seen)
