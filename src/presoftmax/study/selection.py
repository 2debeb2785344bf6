"""Which images a study attacks: the first, in a fixed order, that every model gets right."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import torch
from safetensors.torch import load_file

from presoftmax.attacks import check_count
from presoftmax.data import ImageSet, Pool, Preprocessing, open_pool, shuffled
from presoftmax.errors import DataError, StudyError
from presoftmax.models import Classifier, load_model
from presoftmax.storage import DamagedError
from presoftmax.study.config import StudyConfig
from presoftmax.study.engines import Engine, closing
from presoftmax.study.folder import StudyFolder
from presoftmax.study.model_names import ModelNames
from presoftmax.study.tasks import SelectionTask, select
from presoftmax.study.watcher import StudyWatcher

__all__ = ["Shards", "candidates_of", "known_selection", "preprocessing_of", "select_images"]

_CHUNK = 64


def select_images(
    config: StudyConfig, names: ModelNames, folder: StudyFolder, engine: Engine, watcher: StudyWatcher
) -> dict[str, Any]:
    """Look at candidates in a fixed order, chunk by chunk, until enough are right; write down which."""
    first = load_model(names.specs[0], "cpu")
    pool, order = candidates_of(config, first)
    chunks = range(-(-len(order) // _CHUNK))
    counts: dict[int, dict[str, Any]] = {}

    def found() -> int:
        return sum(len(receipt["ids"]) for receipt in counts.values())

    def missing() -> Iterator[tuple[int, Callable[[], SelectionTask]]]:
        for number in chunks:
            if found() >= config.images.count:
                return
            if folder.chunk_is_whole(number):
                counts[number] = folder.chunk_receipt(number)
            else:
                positions = order[number * _CHUNK : (number + 1) * _CHUNK]
                yield number, partial(lambda at: SelectionTask(names, pool.read(at)), positions)

    with closing(engine.map(select, missing())) as results:
        for number, done in results:
            folder.write_chunk(number, done.files, done.receipt)
            counts[number] = done.receipt
            watcher.choosing(found(), config.images.count, sum(receipt["looked_at"] for receipt in counts.values()))
    return _conclude(config, names, folder, counts, first.classes)


def _conclude(
    config: StudyConfig,
    names: ModelNames,
    folder: StudyFolder,
    counts: dict[int, dict[str, Any]],
    classes: Sequence[str] | None,
) -> dict[str, Any]:
    """The first images of the first chunks that give enough, whatever was looked at beyond them."""
    ids: list[str] = []
    used = 0
    while used in counts and len(ids) < config.images.count:
        ids += counts[used]["ids"]
        used += 1
    receipt = [counts[number] for number in range(used)]
    looked_at = sum(each["looked_at"] for each in receipt)
    if not ids:
        unread = [entry for each in receipt for entry in each["skipped"]]
        first = f"; {unread[0]['file']}: {unread[0]['reason']}, the first of {len(unread)} unreadable" if unread else ""
        models = ", ".join(names.labels)
        # What is wrong is outside the folder (labels, weights) and may be put right before the next run.
        folder.forget_chunks()
        raise DataError(f"none of {looked_at} images is classified correctly by every model ({models}){first}")
    num_classes = max(each["num_classes"] for each in receipt)
    for attack in config.attacks:
        check_count(attack.build().num_targets, num_classes)
        for target in attack.targets or ():
            if target >= num_classes:
                raise StudyError(f"target {target} is out of range: the models have classes 0 to {num_classes - 1}")
    content = {
        "ids": ids[: config.images.count],
        "looked_at": looked_at,
        "chunks": used,
        "num_classes": num_classes,
        "classes": classes,
        "skipped": [entry for each in receipt for entry in each["skipped"]],
    }
    folder.write_selection(content)
    return content


def candidates_of(config: StudyConfig, first: Classifier) -> tuple[Pool, list[int]]:
    """The images to choose from, framed for a study whose first model this is, and the order to look at them."""
    pool = open_pool(
        config.images.path, config.images.labels, preprocessing_of(config, first.preprocessing), first.classes
    )
    return pool, shuffled(pool, config.seed)


def preprocessing_of(config: StudyConfig, usual: Preprocessing) -> Preprocessing:
    """How a study's images are framed: as the first model's usually are, where the config says nothing else."""
    size = config.images.size or usual.size
    same = size == usual.size
    return Preprocessing(size, config.images.resize or (usual.resize if same else None), usual.interpolation)


def known_selection(folder: StudyFolder) -> dict[str, Any] | None:
    """Which images were chosen; None where they are not, or the file is damaged: the same are then chosen again."""
    try:
        return folder.selection()
    except DamagedError:
        return None


class Shards:
    """The chosen images, read piece by piece from the folder."""

    def __init__(self, folder: StudyFolder, selection: dict[str, Any]) -> None:
        self._folder = folder
        self._ids: list[str] = selection["ids"]
        places = [
            (number, row)
            for number in range(selection["chunks"])
            for row in range(len(folder.chunk_receipt(number)["ids"]))
        ]
        self._places = places[: len(self._ids)]

    def __len__(self) -> int:
        return len(self._ids)

    def read(self, start: int, stop: int) -> ImageSet:
        """The images at these positions."""
        wanted = self._places[start:stop]
        chunks = {
            number: load_file(self._folder.chunk_file(number, "images.safetensors"))
            for number in sorted({number for number, _ in wanted})
        }
        images = torch.stack([chunks[number]["images"][row] for number, row in wanted])
        labels = torch.stack([chunks[number]["labels"][row] for number, row in wanted])
        return ImageSet(images, labels, tuple(self._ids[start:stop]))
