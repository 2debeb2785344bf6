"""Run a study: choose the images, then one unit after the other; what is there already is not done again."""

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from math import inf
from pathlib import Path
from typing import Any

from presoftmax.data import as_path, check_location
from presoftmax.errors import PresoftmaxError
from presoftmax.extensions import absolute_spec
from presoftmax.storage import DamagedError
from presoftmax.study._heartbeat import Heartbeat, images_of
from presoftmax.study.config import StudyConfig
from presoftmax.study.engines import Engine, closing
from presoftmax.study.folder import StudyFolder
from presoftmax.study.model_names import ModelNames
from presoftmax.study.selection import Shards, known_selection, select_images
from presoftmax.study.tasks import UnitTask, VariantsTask, find_variants, run_unit
from presoftmax.study.units import Unit, check_batch, check_hours, image_iterations, units_of
from presoftmax.study.watcher import StudyWatcher, UnitsBar
from presoftmax.tracing import Block, Job

__all__ = ["run_study"]


def run_study(
    config: StudyConfig,
    out: str | Path,
    engine: Engine,
    watcher: StudyWatcher | None = None,
    batch_size: int | None = None,
    max_hours: float | None = None,
    progress: bool | None = None,
) -> StudyFolder:
    """Run a study, or go on with it, until its folder has everything.

    Args:
        config: the study.
        out: its folder; made, or gone on with if it holds the same study.
        engine: where tasks run.
        watcher: is told how it goes on.
        batch_size: examples attacked at a time; chosen when left out. Results do not depend on it (beyond rounding).
        max_hours: begin no further unit after so long; those under way are finished. At least one is done, so that
            calling it again and again comes to an end. `status_of` says whether the study is finished.
        progress: where there is no watcher: None: a bar on a terminal and in a notebook; True: lines in a log, too;
            False: nothing.

    Raises:
        StudyError: the folder holds another study, another process works on it, or hours that are no positive number.
        PresoftmaxError: models, images or attacks that cannot be used; a disk that is full. What is finished stays.
    """
    if watcher is not None:
        return _run(config, out, engine, watcher, batch_size, max_hours)
    with UnitsBar(progress) as bar:
        return _run(config, out, engine, bar, batch_size, max_hours)


def _run(
    config: StudyConfig,
    out: str | Path,
    engine: Engine,
    watcher: StudyWatcher,
    batch_size: int | None,
    max_hours: float | None,
) -> StudyFolder:
    out = as_path(out, "out")
    check_batch(batch_size)
    limit = _Limit(max_hours)
    check_location(config.images.path, config.images.labels)
    config.check_own_pieces()
    names = ModelNames.of(config)
    names.check()
    fresh = not StudyFolder.is_one(out)
    folder = StudyFolder.start(out, config)
    with folder.locked():
        selection = known_selection(folder)
        if selection is None or not all(map(folder.chunk_is_whole, range(selection["chunks"]))):
            try:
                selection = select_images(config, names, folder, engine, watcher)
            except PresoftmaxError:
                # Else a study that was put right would be refused there, as another one than this.
                if fresh and not folder.chunk_is_whole(0):
                    folder.discard()
                raise
        units = units_of(config, names, len(selection["ids"]))
        left = [unit for unit in units if not folder.is_done(unit)]
        watcher.chosen(len(selection["ids"]), selection["looked_at"], len(units), len(left))
        shards = Shards(folder, selection)
        if left:
            names = _with_variants(config, names, folder, engine, shards, batch_size)
        heartbeat = Heartbeat(folder.path, images_of(config, left, len(selection["ids"])))

        def progressed(job: Job, block: Block) -> None:
            heartbeat.progressed(block.steps.height)
            watcher.progressed(job, block)

        begun = (unit for number, unit in enumerate(left) if number == 0 or not limit.is_over)
        tasks = ((unit, partial(_task, config, names, unit, shards, batch_size)) for unit in begun)
        try:
            with closing(engine.map(run_unit, tasks, progressed)) as results:
                for number, (unit, done) in enumerate(results, start=1):
                    folder.write_unit(unit, done.files, done.receipt)
                    heartbeat.finished(unit)
                    watcher.finished(unit, done.receipt, len(left) - number)
        finally:
            heartbeat.end()
    return folder


class _Limit:
    """How long a run may begin something new."""

    def __init__(self, hours: float | None) -> None:
        check_hours(hours)
        self._end = inf if hours is None else time.monotonic() + 3600 * hours

    @property
    def is_over(self) -> bool:
        """Whether it is."""
        return time.monotonic() >= self._end


def _with_variants(
    config: StudyConfig, names: ModelNames, folder: StudyFolder, engine: Engine, shards: Shards, batch_size: int | None
) -> ModelNames:
    """The names with how each network is run, which is settled once for the whole study."""
    known = _known_variants(folder, units_of(config, names, len(shards)))
    if known is None:
        task = VariantsTask(
            names, shards.read(0, config.shard), config.precision, batch_size, image_iterations(config, len(shards))
        )
        ((_, done),) = engine.map(find_variants, iter([("variants", lambda: task)]))
        known = done.receipt
        folder.write_variants(known)
    return replace(names, variants=tuple(known["variants"][name] for name in names.labels))


def _known_variants(folder: StudyFolder, units: Sequence[Unit]) -> dict[str, Any] | None:
    """How networks are run, as it was settled; from a unit that is done where the file is damaged."""
    try:
        return folder.variants()
    except DamagedError:
        pass
    receipts = (folder.known_receipt(unit) for unit in units)
    return next(({"variants": receipt["variants"]} for receipt in receipts if receipt and "variants" in receipt), None)


def _task(config: StudyConfig, names: ModelNames, unit: Unit, shards: Shards, batch_size: int | None) -> UnitTask:
    source = names.labels.index(unit.source)
    attack = next(each for each in config.attacks if each.label == unit.attack)
    start = unit.shard * config.shard
    return UnitTask(
        names=names,
        source=source,
        attack=attack.absolute(),
        images=shards.read(start, start + config.shard),
        seed=config.seed,
        precision=config.precision,
        batch_size=batch_size,
        noise=config.noise,
        copies=config.copies,
        final_images=config.final_images,
        gallery=max(0, config.gallery - start),
        scores=tuple(map(absolute_spec, config.scores)),
    )
