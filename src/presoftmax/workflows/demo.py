"""The main job in one batch: names of models in, a run folder with tables, images, figures and a report out."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from presoftmax.analysis import log_spaced
from presoftmax.attacks import check_count
from presoftmax.data import ImageSet, open_pool, samples, stream_pool
from presoftmax.explorer import run_material, write_explorer
from presoftmax.models import Classifier, Model, load_model, load_victim, table_names
from presoftmax.printing import Printed
from presoftmax.report.run import write_report
from presoftmax.scores import load_scores
from presoftmax.storage import RunFolder
from presoftmax.tracing import (
    Block,
    Job,
    Selection,
    Trace,
    prepare,
    select_correct,
    stream,
    write_images,
    write_run_summary,
    write_run_tables,
)
from presoftmax.workflows.settings import DemoSettings

__all__ = ["Demo", "DemoInterruptedError", "DemoWatcher", "run_demo"]

_LOOKED_AT = 32
_KEPT_ITERATIONS = 24
"""About as many points of the explorer's slider have an image: 19 of 40 iterations, 24 of 500."""


class DemoWatcher(Protocol):
    """What is told about the progress of a run."""

    def selected(self, selection: Selection) -> None:
        """The photos have been chosen."""
        ...

    def started(self, job: Job) -> None:
        """An attack begins."""
        ...

    def progressed(self, job: Job, block: Block) -> None:
        """Some iterations are done."""
        ...

    def finished(self, job: Job) -> None:
        """An attack is through."""
        ...


@dataclass(frozen=True, repr=False)
class Demo(Printed):
    """A finished run: its folder, the summary that ``--json`` prints, and what was seen, in sentences."""

    folder: Path
    summary: dict[str, Any]
    sentences: tuple[str, ...]


class DemoInterruptedError(KeyboardInterrupt):
    """Ctrl-C during a run; ``folder`` holds what was finished (None if nothing was), ``where`` says how far it came."""

    def __init__(self, folder: Path | None, where: str) -> None:
        super().__init__(where)
        self.folder = folder
        self.where = where


def run_demo(settings: DemoSettings, out: str | Path | None, watcher: DemoWatcher) -> Demo:
    """Run both attacks and write ``out``; left out, it is ``presoftmax-runs/demo-DATE-TIME``.

    Nothing stays of the folder when models, photos or settings are refused. After Ctrl-C the tables hold every
    iteration that was finished.

    Raises:
        PresoftmaxError: something that the user can put right; see the message.
        DemoInterruptedError: Ctrl-C.
    """
    folder = RunFolder.create(out, "demo")
    traces: list[Trace] = []
    jobs: list[Job] = []
    try:
        selection = _prepare(settings, watcher, jobs)
        for job in jobs:
            watcher.started(job)
            _run(job, folder, watcher, traces)
            write_run_tables(folder, traces, complete=job is jobs[-1])
            watcher.finished(job)
        summary = write_run_summary(folder, traces, _about(settings, selection))
        said = write_report(folder)
        write_explorer(run_material(folder.path), folder.path / "explorer.html")
        return Demo(folder.path, {**summary, "run": str(folder.path)}, said)
    except KeyboardInterrupt as interrupt:
        if traces:
            write_run_tables(folder, traces, complete=_is_complete(traces, jobs))
        else:
            folder.remove()
        raise DemoInterruptedError(folder.path if traces else None, _progress(traces)) from interrupt
    except BaseException:
        if not folder.has_tables():
            folder.remove()
        raise


def _prepare(settings: DemoSettings, watcher: DemoWatcher, jobs: list[Job]) -> Selection:
    """Choose the photos, and prepare a job for each attack."""
    attacks, scores = settings.attacks(), load_scores(settings.scores)
    source, victims = _models(settings)
    # For a few photos not all there are need be looked at.
    at_a_time = min(_LOOKED_AT, max(4, 2 * settings.images))
    selection = select_correct(_photos(settings, source), [source, *victims], settings.images, at_a_time)
    watcher.selected(selection)
    for attack in attacks:
        check_count(attack.num_targets, selection.num_classes)
    for attack in attacks:
        keep = log_spaced(attack.steps, _KEPT_ITERATIONS)
        jobs.append(
            prepare(attack, source, selection.images, victims=victims, seed=settings.seed, keep=keep, scores=scores)
        )
    return selection


def _models(settings: DemoSettings) -> tuple[Classifier, list[Model]]:
    source = load_model(settings.source, settings.device)
    victims: list[Model] = [load_victim(name, settings.device) for name in settings.victims]
    for model, name in zip((source, *victims), table_names(settings.source, *settings.victims), strict=True):
        model.name = name
    return source, victims


def _photos(settings: DemoSettings, source: Classifier) -> Iterator[ImageSet]:
    if settings.photos is None:
        yield samples("imagenet", source.preprocessing.size)
    else:
        yield from stream_pool(open_pool(settings.photos, settings.labels, source.preprocessing, source.classes))


def _run(job: Job, folder: RunFolder, watcher: DemoWatcher, traces: list[Trace]) -> None:
    """Run one attack, its images going to the folder as they come; its trace is added however far it gets."""
    blocks: list[Block] = []
    try:
        for block in stream(job):
            write_images(folder, job, block)
            blocks.append(replace(block, images={}, float_images=None))
            watcher.progressed(job, block)
    finally:
        if blocks:
            traces.append(Trace(job, tuple(blocks)))


def _is_complete(traces: Sequence[Trace], jobs: Sequence[Job]) -> bool:
    return len(traces) == len(jobs) and traces[-1].complete


def _progress(traces: Sequence[Trace]) -> str:
    if not traces:
        return "before the first iteration"
    job, block = traces[-1].job, traces[-1].blocks[-1]
    batch = f" of batch {block.batch + 1} of {job.batches}" if job.batches > 1 else ""
    return f"at iteration {block.iteration} of {job.attack.steps}{batch} of the {job.attack.name} attack"


def _about(settings: DemoSettings, selection: Selection) -> dict[str, Any]:
    """What was asked for, and how the photos were chosen."""
    paths = {name: str(value) for name, value in asdict(settings).items() if isinstance(value, Path)}
    return {
        "settings": asdict(settings) | paths,
        "selection": {
            "looked_at": selection.looked_at,
            "correct": selection.correct,
            "not_finite": selection.not_finite,
            "skipped": [asdict(entry) for entry in selection.skipped],
        },
    }
