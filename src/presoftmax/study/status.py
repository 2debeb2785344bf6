"""How far a study is."""

from dataclasses import asdict, dataclass
from typing import Any

from presoftmax.study.folder import StudyFolder
from presoftmax.study.panel import ModelNames
from presoftmax.study.selection import known_selection
from presoftmax.study.units import units_of

__all__ = ["Progress", "Status", "status_of"]


@dataclass(frozen=True)
class Progress:
    """One attack on one source.

    Attributes:
        attack: its name.
        source: name of the source.
        units: how many there are.
        done: how many are in the folder.
        seconds: that they took.
        seconds_left: that the others will take, at the same speed; None where nothing is known.
    """

    attack: str
    source: str
    units: int
    done: int
    seconds: float
    seconds_left: float | None


@dataclass(frozen=True)
class Status:
    """A whole study.

    Attributes:
        title: of the study.
        images: chosen; None as long as they are not.
        looked_at: to choose them.
        skipped: images that could not be read.
        progress: by attack and source.
    """

    title: str
    images: int | None
    looked_at: int
    skipped: int
    progress: tuple[Progress, ...]

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do."""
        return self.images is not None and all(each.done == each.units for each in self.progress)

    def values(self) -> dict[str, Any]:
        """As plain values."""
        return {**asdict(self), "finished": self.finished}


def status_of(folder: StudyFolder) -> Status:
    """Read the receipts; what is missing or damaged is still to be done (the next run also looks at the files)."""
    config = folder.config()
    selection = known_selection(folder)
    if selection is None:
        return Status(config.title, None, 0, 0, ())
    groups: dict[tuple[str, str], list[float | None]] = {}
    for unit in units_of(config, ModelNames.of(config), len(selection["ids"])):
        receipt = folder.known_receipt(unit)
        groups.setdefault((unit.attack, unit.source), []).append(None if receipt is None else receipt["seconds"])
    progress = tuple(_progress(*key, seconds) for key, seconds in groups.items())
    return Status(config.title, len(selection["ids"]), selection["looked_at"], len(selection["skipped"]), progress)


def _progress(attack: str, source: str, seconds: list[float | None]) -> Progress:
    known = [each for each in seconds if each is not None]
    left = sum(known) / len(known) * (len(seconds) - len(known)) if known else None
    return Progress(attack, source, len(seconds), len(known), sum(known), left)
