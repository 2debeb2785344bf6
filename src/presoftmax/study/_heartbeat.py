"""The pulse of a run: a small file in the study's folder that says how fast it is, for whoever looks from outside.

It is there as long as something is left to do. Time counts while a run is at work only, so that a night between two
runs slows nothing down. One image at one iteration of an attack counts as an image, as in `presoftmax.study.plan`.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from presoftmax.errors import RunError, warn
from presoftmax.printing import Printed
from presoftmax.storage import DamagedError, write_record
from presoftmax.study._records import HeartbeatRecord, read_checked
from presoftmax.study.config import StudyConfig
from presoftmax.study.units import Unit

__all__ = ["HEARTBEAT", "Heartbeat", "Pace", "images_of", "pace_of"]

HEARTBEAT = "heartbeat.json"
_EVERY = 5.0
_NOW, _HOUR = 60.0, 3600.0
_ALIVE = 120.0
"""A run that writes no heartbeat for so long is taken for dead, where the folder's lock cannot be asked."""


@dataclass(frozen=True, repr=False)
class Pace(Printed):
    """How fast a study is. An image at an iteration of an attack counts as one.

    Attributes:
        running: whether a run is at work now.
        images_per_second: over the last minute of the run, or since its last sign of life before that; None as long as
            nothing is done.
        images_per_second_last_hour: over its last hour at work, runs before this one included.
        images_left: that are still to be done.
        seconds_left: that these will take at the speed of the last hour.
        ends: when that is, ISO 8601 in local time, while a run is at work.
        seen: when the run last said something, likewise.
    """

    running: bool
    images_per_second: float | None
    images_per_second_last_hour: float | None
    images_left: int
    seconds_left: float | None
    ends: str | None
    seen: str


def images_of(config: StudyConfig, units: Sequence[Unit], images: int) -> dict[Unit, int]:
    """How many images at iterations each unit is, of a study of so many images."""
    iterations = {attack.label: attack.build().steps + 1 for attack in config.attacks}
    return {
        unit: (min((unit.shard + 1) * config.shard, images) - unit.shard * config.shard) * iterations[unit.attack]
        for unit in units
    }


class Heartbeat:
    """Counts what a run does, and writes it down every few seconds.

    Args:
        folder: of the study.
        sizes: images at iterations of each unit that is to be done.
        clock: seconds that only grow.
    """

    def __init__(self, folder: Path, sizes: Mapping[Unit, int], clock: Callable[[], float] = time.monotonic) -> None:
        self._path, self._sizes, self._clock = folder / HEARTBEAT, sizes, clock
        self._left, self._under_way = sum(sizes.values()), 0
        self._done, self._before, self._samples = 0.0, 0.0, [(0.0, 0.0)]
        self._take_up()
        self._started, self._written = clock(), -_EVERY
        self._beat(force=True)

    def progressed(self, images: int) -> None:
        """Some images of a unit under way are done."""
        self._under_way += images
        self._beat()

    def finished(self, unit: Unit) -> None:
        """A unit is in the folder: what it was counted for on the way is put right."""
        self._done += self._sizes[unit]
        self._left -= self._sizes[unit]
        self._under_way = 0
        self._beat()

    def end(self) -> None:
        """The run ends: the file goes with the last unit, and stays for the next run otherwise."""
        if self._left > 0:
            self._under_way = 0  # of a unit that was not finished nothing stays
            self._beat(force=True, at_work=False)
            return
        with suppress(OSError):
            self._path.unlink(missing_ok=True)

    def _take_up(self) -> None:
        """Go on with what the run before this one counted; a file that is damaged counts for nothing."""
        try:
            known = _read(self._path)
        except FileNotFoundError:
            return
        except DamagedError as error:
            warn(f"{str(error).partition(';')[0]}: ignored, the speed is measured anew")
            return
        self._samples = _samples_of(known)
        self._before, self._done = self._samples[-1]

    def _beat(self, force: bool = False, at_work: bool = True) -> None:
        now = self._clock()
        if not force and now - self._written < _EVERY:
            return
        self._written = now
        seconds = self._before + now - self._started
        # What was counted on the way may have to be done again; the count never goes back.
        images = max(self._done + self._under_way, self._samples[-1][1])
        self._samples = _thinned([*self._samples, (seconds, images)])
        content = {
            "written": time.time(), "at_work": at_work, "left": max(0, self._left - self._under_way),
            "samples": self._samples,
        }  # fmt: skip
        # A disk that is full is said where a result cannot be written.
        with suppress(RunError):
            write_record(self._path, content)


def _thinned(samples: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Samples of the last hour, and one before it: one a minute, and all of the last two minutes."""
    last = samples[-1][0]
    kept: list[tuple[float, float]] = []
    for sample in samples:
        old = last - sample[0] > 2 * _NOW
        if old and len(kept) > 1 and sample[0] - kept[-2][0] < _NOW:
            kept[-1] = sample
        else:
            kept.append(sample)
    beyond = [i for i, (seconds, _) in enumerate(kept) if seconds <= last - _HOUR]
    return kept[beyond[-1] :] if beyond else kept


def pace_of(folder: Path, locked: bool | None) -> Pace | None:
    """What the heartbeat says; None where there is none.

    Args:
        folder: of the study.
        locked: whether a run holds the folder; None where that cannot be told.

    Raises:
        DamagedError: the file is not as it was written.
    """
    try:
        known = _read(folder / HEARTBEAT)
    except FileNotFoundError:
        return None
    alive = time.time() - known["written"] < _ALIVE if locked is None else locked
    running, samples, left = known["at_work"] and alive, _samples_of(known), round(known["left"])
    now, hour = _speed(samples, _NOW), _speed(samples, _HOUR)
    seconds = left / hour if hour else None
    ends = _at(known["written"] + seconds) if running and seconds is not None else None
    return Pace(running, now, hour, left, seconds, ends, _at(known["written"]))


def _read(path: Path) -> dict[str, Any]:
    known = read_checked(path, HeartbeatRecord)
    for column in zip(*known["samples"], strict=True):
        if list(column) != sorted(column):
            raise DamagedError(f"{path}: damaged, what it counts goes back")
    return known


def _samples_of(known: Mapping[str, Any]) -> list[tuple[float, float]]:
    return [(seconds, images) for seconds, images in known["samples"]]


def _speed(samples: Sequence[tuple[float, float]], window: float) -> float | None:
    """Images per second since the last sample that is at least so old; None where nothing was done."""
    last, done = samples[-1]
    first, before = next((each for each in reversed(samples) if each[0] <= last - window), samples[0])
    return (done - before) / (last - first) if last > first and done > before else None


def _at(seconds: float) -> str:
    """Local time; empty where no calendar goes so far."""
    try:
        return datetime.fromtimestamp(seconds).astimezone().isoformat(timespec="seconds")
    except (OverflowError, ValueError, OSError):
        return ""
