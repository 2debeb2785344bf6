"""How far a study is. What is damaged is said, and what can be known without it is given."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from presoftmax.errors import PresoftmaxError
from presoftmax.printing import Printed
from presoftmax.storage import DamagedError
from presoftmax.study._damage import is_as_written, looks_whole
from presoftmax.study._heartbeat import Pace, pace_of
from presoftmax.study.config import StudyConfig
from presoftmax.study.folder import StudyFolder
from presoftmax.study.model_names import ModelNames
from presoftmax.study.units import Unit, units_of

__all__ = ["Pace", "Progress", "Status", "status_of"]


@dataclass(frozen=True)
class Progress:
    """One attack on one source.

    Attributes:
        attack: its name.
        source: name of the source.
        units: how many there are; None where it is not known how many images were chosen.
        done: how many are in the folder.
        seconds: that they took.
        seconds_left: that the others will take, at the same speed; None where nothing is known.
    """

    attack: str
    source: str
    units: int | None
    done: int
    seconds: float
    seconds_left: float | None


@dataclass(frozen=True, repr=False)
class Status(Printed):
    """A whole study.

    Attributes:
        title: of the study; the name of its folder where the study is damaged.
        images: chosen; None as long as they are not.
        looked_at: to choose them.
        skipped: images that could not be read.
        progress: by attack and source.
        unanswered: calls that a black box did not answer in time, by its name; they were made again.
        damaged: files that are not as they were written, each with what is wrong. The next run does them again, but
            for ``study.json``.
        readable: whether ``study.json`` could be read.
        pace: how fast the run is, or was; None where there was none yet, or nothing is left to do.
        ignored: files that are not as they were written, and that nothing depends on.
    """

    title: str
    images: int | None
    looked_at: int
    skipped: int
    progress: tuple[Progress, ...]
    unanswered: dict[str, int]
    damaged: tuple[str, ...]
    readable: bool
    pace: Pace | None = None
    ignored: tuple[str, ...] = ()

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do."""
        return self.images is not None and not self.damaged and all(each.done == each.units for each in self.progress)

    def values(self) -> dict[str, Any]:
        """As plain values."""
        return {**asdict(self), "finished": self.finished}


def status_of(study: StudyFolder | str | Path) -> Status:
    """Read the records of a study, and look at its other files from outside; nothing that is damaged is an error.

    Tables and files of images are not read, but for the `natural` table: see `presoftmax.study.results` for a whole
    look at them.
    """
    return _Look(StudyFolder.of(study)).status()


class _Look:
    """A look at a folder, which gathers what is damaged."""

    def __init__(self, folder: StudyFolder) -> None:
        self._folder = folder
        self._damaged: list[str] = []
        self._ignored: list[str] = []
        self._unanswered: Counter[str] = Counter()

    def status(self) -> Status:
        folder = self._folder
        config = self._try(folder.config)
        names = self._try(lambda: ModelNames.of(config)) if config is not None else None
        selection: dict[str, Any] | None = self._try(folder.selection)
        self._try(folder.variants)
        for number in self._chunks(selection):
            self._look_at_chunk(number)
        images = len(selection["ids"]) if selection else None
        progress = tuple(self._progress(config, names, images))
        return Status(
            title=folder.path.absolute().name if config is None else config.title,
            images=images,
            looked_at=selection["looked_at"] if selection else 0,
            skipped=len(selection["skipped"]) if selection else 0,
            progress=progress,
            unanswered=dict(self._unanswered),
            damaged=tuple(self._damaged),
            readable=config is not None,
            pace=self._pace(),
            ignored=tuple(self._ignored),
        )

    def _try(self, read: Any) -> Any:
        """What is read; None where it cannot be, which is noted."""
        try:
            return read()
        except FileNotFoundError as error:
            self._damaged.append(f"{error.filename}: missing")
        except PresoftmaxError as error:
            self._damaged.append(str(error).partition("; ")[0])
        return None

    def _pace(self) -> Pace | None:
        try:
            return pace_of(self._folder.path, self._folder.is_locked())
        except DamagedError as error:
            self._ignored.append(str(error))
            return None

    def _chunks(self, selection: dict[str, Any] | None) -> list[int]:
        """Those that the selection is of, up to one more than there are; all that are there without a selection."""
        there = self._folder.chunks()
        if selection is None:
            return there
        return list(range(min(selection["chunks"], len(there) + 1)))

    def _look_at_chunk(self, number: int) -> None:
        receipt = self._try(lambda: self._folder.chunk_receipt(number))
        for name, expected in (receipt["files"] if receipt else {}).items():
            path = self._folder.chunk_file(number, name)
            if not (is_as_written(path, expected) if path.suffix == ".parquet" else looks_whole(path)):
                self._damaged.append(f"{path}: damaged, it is not as it was written")

    def _progress(self, config: StudyConfig | None, names: ModelNames | None, images: int | None) -> Iterator[Progress]:
        """By attack and source: of all units where they are known, of those in the folder otherwise."""
        known = config is not None and names is not None and images is not None
        groups: dict[tuple[str, str], list[float | None]] = {}
        if config is not None and names is not None:
            groups = {(unit.attack, unit.source): [] for unit in units_of(config, names, 1)}
        places = {unit.path.parent: (unit.attack, unit.source) for unit in (Unit(*key, 0) for key in groups)}
        if config is not None and names is not None and images is not None:
            paths = [unit.path for unit in units_of(config, names, images)]
        else:
            paths = list(self._folder.units_there())
        for path in paths:
            key = places.get(path.parent, (path.parts[0], path.parts[1]))
            groups.setdefault(key, []).append(self._seconds(path))
        for (attack, source), seconds in groups.items():
            yield _summed(attack, source, seconds, known)

    def _seconds(self, unit: Path) -> float | None:
        """What a unit took; None where it is not there, or damaged."""
        try:
            receipt = self._folder.receipt_at(unit)
        except FileNotFoundError as error:
            if self._folder.is_there(unit):
                self._damaged.append(f"{error.filename}: missing")
            return None
        except DamagedError as error:
            self._damaged.append(str(error))
            return None
        self._unanswered.update(receipt.get("unanswered", {}))
        paths = [self._folder.path / "parts" / unit / name for name in receipt["files"]]
        bad = [path for path in paths if not looks_whole(path)]
        self._damaged += [f"{path}: damaged, it is not as it was written" for path in bad]
        return None if bad else receipt["seconds"]


def _summed(attack: str, source: str, seconds: list[float | None], known: bool) -> Progress:
    took = [each for each in seconds if each is not None]
    left = sum(took) / len(took) * (len(seconds) - len(took)) if took and known else None
    return Progress(attack, source, len(seconds) if known else None, len(took), sum(took), left)
