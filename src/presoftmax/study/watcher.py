"""Following a study as it runs."""

from typing import TYPE_CHECKING, Any, Protocol

from presoftmax.study.units import Unit

if TYPE_CHECKING:
    from presoftmax.tracing import Block, Job

__all__ = ["Quiet", "StudyWatcher"]


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
