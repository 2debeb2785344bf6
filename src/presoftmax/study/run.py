"""Run a study: choose the images, then one unit after the other; what is there already is not done again."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors.torch import load_file

from presoftmax.attacks import check_count
from presoftmax.data import Framing, ImageSet, Pool, check_place, open_pool, shuffled
from presoftmax.errors import DataError, StudyError
from presoftmax.models import Classifier, load_model
from presoftmax.study.config import StudyConfig
from presoftmax.study.engines import Engine
from presoftmax.study.folder import StudyFolder, Unit
from presoftmax.study.panel import Names
from presoftmax.study.tasks import Candidates, PathsTask, UnitTask, choose, find_paths, run_unit
from presoftmax.tracing import Block, Job

__all__ = ["Quiet", "StudyWatcher", "candidates_of", "image_iterations", "run_study", "units_of"]

_CHUNK = 64


class StudyWatcher(Protocol):
    """Who wants to know how a study goes on."""

    def choosing(self, found: int, wanted: int, looked_at: int) -> None:
        """More candidates have been looked at."""
        ...

    def chosen(self, images: int, looked_at: int, units: int, left: int) -> None:
        """The images have been chosen; ``left`` of ``units`` units are to be done."""
        ...

    def progressed(self, job: Job, block: Block) -> None:
        """Some iterations of the unit under way are done (only one process on this machine can tell)."""
        ...

    def finished(self, unit: Unit, facts: dict[str, Any], left: int) -> None:
        """A unit is in the folder."""
        ...


class Quiet:
    """A watcher that says nothing."""

    def choosing(self, found: int, wanted: int, looked_at: int) -> None:
        """Nothing."""

    def chosen(self, images: int, looked_at: int, units: int, left: int) -> None:
        """Nothing."""

    def progressed(self, job: Job, block: Block) -> None:
        """Nothing."""

    def finished(self, unit: Unit, facts: dict[str, Any], left: int) -> None:
        """Nothing."""


def run_study(
    config: StudyConfig,
    out: Path,
    engine: Engine,
    watcher: StudyWatcher | None = None,
    batch_size: int | None = None,
) -> StudyFolder:
    """Run a study, or go on with it, until its folder has everything.

    Args:
        config: the study.
        out: its folder; made, or gone on with if it holds the same study.
        engine: where tasks run.
        watcher: is told how it goes on.
        batch_size: examples attacked at a time; chosen when left out. Results do not depend on it (beyond rounding).

    Raises:
        StudyError: the folder holds another study, or another process works on it.
        PresoftmaxError: models, images or attacks that cannot be used; a disk that is full. What is finished stays.
    """
    watcher = watcher or Quiet()
    check_place(config.images.path, config.images.labels)
    names = Names.of(config)
    folder = StudyFolder.start(out, config)
    with folder.locked():
        selection = folder.selection()
        if selection is None or not all(map(folder.chunk_is_whole, range(selection["chunks"]))):
            selection = _choose(config, names, folder, engine, watcher)
        units = units_of(config, names, len(selection["ids"]))
        left = [unit for unit in units if not folder.is_done(unit)]
        watcher.chosen(len(selection["ids"]), selection["looked_at"], len(units), len(left))
        shards = _Shards(folder, selection)
        if left:
            names = _with_paths(config, names, folder, engine, shards, batch_size)
        tasks = ((unit, partial(_task, config, names, unit, shards, batch_size)) for unit in left)
        for number, (unit, done) in enumerate(engine.map(run_unit, tasks, watcher.progressed), start=1):
            folder.write_unit(unit, done.files, done.facts)
            watcher.finished(unit, done.facts, len(left) - number)
    return folder


def _with_paths(
    config: StudyConfig, names: Names, folder: StudyFolder, engine: Engine, shards: "_Shards", batch_size: int | None
) -> Names:
    """The names with how each network is run, which is settled once for the whole study."""
    known = folder.paths()
    if known is None:
        task = PathsTask(
            names, shards.read(0, config.shard), config.precision, batch_size, image_iterations(config, len(shards))
        )
        ((_, done),) = engine.map(find_paths, iter([("paths", lambda: task)]))
        known = done.facts
        folder.write_paths(known)
    return replace(names, paths=tuple(known["paths"][name] for name in names.tables))


def image_iterations(config: StudyConfig, images: int) -> int:
    """Images that each model sees in a study of so many images, as a victim or as the source."""
    return sum(images * (attack.build().steps + 1) for model in config.models for attack in config.attacks_on(model))


def units_of(config: StudyConfig, names: Names, images: int) -> list[Unit]:
    """All units of a study of so many images: every shard of one attack and source before the next."""
    shards = range(-(-images // config.shard))
    return [
        Unit(attack.label, names.tables[i], shard)
        for i, model in enumerate(config.models)
        for attack in config.attacks_on(model)
        for shard in shards
    ]


def _choose(
    config: StudyConfig, names: Names, folder: StudyFolder, engine: Engine, watcher: StudyWatcher
) -> dict[str, Any]:
    """Look at candidates in a fixed order, chunk by chunk, until enough are right; write down which."""
    first = load_model(names.load[0], "cpu")
    pool, order = candidates_of(config, first)
    chunks = range(-(-len(order) // _CHUNK))
    counts: dict[int, dict[str, Any]] = {}

    def found() -> int:
        return sum(len(facts["ids"]) for facts in counts.values())

    def missing() -> Iterator[tuple[int, Callable[[], Candidates]]]:
        for number in chunks:
            if found() >= config.images.count:
                return
            if folder.chunk_is_whole(number):
                counts[number] = folder.chunk_facts(number)
            else:
                positions = order[number * _CHUNK : (number + 1) * _CHUNK]
                yield number, partial(lambda at: Candidates(names, pool.read(at)), positions)

    for number, done in engine.map(choose, missing()):
        folder.write_chunk(number, done.files, done.facts)
        counts[number] = done.facts
        watcher.choosing(found(), config.images.count, sum(facts["looked_at"] for facts in counts.values()))
    return _conclude(config, names, folder, counts, first.classes)


def _conclude(
    config: StudyConfig,
    names: Names,
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
    facts = [counts[number] for number in range(used)]
    looked_at = sum(each["looked_at"] for each in facts)
    if not ids:
        unread = [entry for each in facts for entry in each["skipped"]]
        first = f"; {unread[0]['file']}: {unread[0]['reason']}, the first of {len(unread)} unreadable" if unread else ""
        models = ", ".join(names.tables)
        # What is wrong is outside the folder (labels, weights) and may be put right before the next run.
        folder.forget_chunks()
        raise DataError(f"none of {looked_at} images is classified correctly by every model ({models}){first}")
    num_classes = max(each["num_classes"] for each in facts)
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
        "skipped": [entry for each in facts for entry in each["skipped"]],
    }
    folder.write_selection(content)
    return content


def candidates_of(config: StudyConfig, first: Classifier) -> tuple[Pool, list[int]]:
    """The images to choose from, framed for a study whose first model this is, and the order to look at them."""
    pool = open_pool(config.images.path, config.images.labels, _framing(config, first.framing), first.classes)
    return pool, shuffled(pool, config.seed)


def _framing(config: StudyConfig, usual: Framing) -> Framing:
    """How a study's images are framed: as the first model's usually are, where the config says nothing else."""
    size = config.images.size or usual.size
    same = size == usual.size
    return Framing(size, config.images.resize or (usual.resize if same else None), usual.interpolation)


class _Shards:
    """The chosen images, read piece by piece from the folder."""

    def __init__(self, folder: StudyFolder, selection: dict[str, Any]) -> None:
        self._folder = folder
        self._ids: list[str] = selection["ids"]
        places = [
            (number, row)
            for number in range(selection["chunks"])
            for row in range(len(folder.chunk_facts(number)["ids"]))
        ]
        self._places = places[: len(self._ids)]

    def __len__(self) -> int:
        return len(self._ids)

    def read(self, start: int, stop: int) -> ImageSet:
        wanted = self._places[start:stop]
        chunks = {
            number: load_file(self._folder.chunk_file(number, "images.safetensors"))
            for number in sorted({number for number, _ in wanted})
        }
        images = torch.stack([chunks[number]["images"][row] for number, row in wanted])
        labels = torch.stack([chunks[number]["labels"][row] for number, row in wanted])
        return ImageSet(images, labels, tuple(self._ids[start:stop]))


def _task(config: StudyConfig, names: Names, unit: Unit, shards: _Shards, batch_size: int | None) -> UnitTask:
    source = names.tables.index(unit.source)
    attack = next(each for each in config.attacks if each.label == unit.attack)
    start = unit.shard * config.shard
    return UnitTask(
        names=names,
        source=source,
        attack=attack,
        images=shards.read(start, start + config.shard),
        seed=config.seed,
        precision=config.precision,
        batch_size=batch_size,
        noise=config.noise,
        final_images=config.final_images,
        gallery=max(0, config.gallery - start),
    )
