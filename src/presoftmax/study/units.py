"""The pieces of work of a study."""

from dataclasses import dataclass
from math import inf
from pathlib import Path

from presoftmax.errors import StudyError
from presoftmax.study.config import StudyConfig
from presoftmax.study.model_names import ModelNames
from presoftmax.text import file_name

__all__ = ["LARGEST_BATCH", "Unit", "check_batch", "check_hours", "image_iterations", "units_of"]

LARGEST_BATCH = 1_000_000


@dataclass(frozen=True, order=True)
class Unit:
    """The smallest piece of work that is done or not: an attack on a source, with a shard of the images."""

    attack: str
    source: str
    shard: int

    @property
    def path(self) -> Path:
        """Its folder, inside ``parts``."""
        return Path(file_name(self.attack)) / file_name(self.source) / f"{self.shard:05d}"

    def __str__(self) -> str:
        return f"{self.attack} on {self.source}, shard {self.shard}"


def image_iterations(config: StudyConfig, images: int) -> int:
    """Images that each model sees in a study of so many images, as a victim or as the source."""
    return sum(images * (attack.build().steps + 1) for model in config.models for attack in config.attacks_on(model))


def check_batch(size: int | None) -> None:
    """Refuse a batch of no images, or of more than fit any memory; None is chosen later."""
    if size is not None and (isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= LARGEST_BATCH):
        raise StudyError(f"batch size: a whole number from 1 to {LARGEST_BATCH}, or none, not {size!r}")


def check_hours(hours: float | None) -> None:
    """Refuse a time in which nothing can be done; None is no limit."""
    number = isinstance(hours, int | float) and not isinstance(hours, bool)
    if hours is not None and not (number and 0 < hours < inf):
        raise StudyError(f"max hours: a positive number, or none, not {hours!r}")


def units_of(config: StudyConfig, names: ModelNames, images: int) -> list[Unit]:
    """All units of a study of so many images: every shard of one attack and source before the next."""
    shards = range(-(-images // config.shard))
    return [
        Unit(attack.label, names.labels[i], shard)
        for i, model in enumerate(config.models)
        for attack in config.attacks_on(model)
        for shard in shards
    ]
