"""The main job in one batch: names of models in, a run folder with tables, images, figures and a report out."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from presoftmax.analysis import log_spaced
from presoftmax.attacks import Attack, check_count, composed, load_attack, multi_class, over_optimized
from presoftmax.choices import Balance, Discretization
from presoftmax.data import ImageSet, open_pool, samples, stream_pool
from presoftmax.explorer import run_material, write_explorer
from presoftmax.models import Classifier, Model, distinct_names, load_model, load_victim, table_names
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

__all__ = ["Demo", "DemoInterruptedError", "DemoSettings", "DemoWatcher", "run_demo"]

_KEPT_ITERATIONS = 24
"""About as many points of the explorer's slider have an image: 19 of 40 iterations, 24 of 500."""
# The paper's multi-class multipliers, 0.05 and 0.1, as shares of its over-optimized step size, 0.15.
_LOW, _HIGH = 1 / 3, 2 / 3


@dataclass(frozen=True)
class DemoSettings:
    """What `run_demo` does; the defaults tell the paper's story within minutes on two cores.

    Attributes:
        images: attack at most so many of the photos that all models classify correctly.
        steps: iterations of each attack.
        alpha: step size of the over-optimized attack; the multi-class one gets a third to two thirds of it, as in
        the paper.
        discretization: when images are rounded to 8 bits.
        classes: target classes of the multi-class attack.
        balance: how the multi-class attack balances them: the paper's rule, or logits held level.
        attack_names: attacks in place of the paper's two, each a name or ``FILE.py:FUNCTION``.
        objective: name or ``FILE.py:NAME`` of an objective, for an attack of it in place of the paper's two.
        update: name or ``FILE.py:NAME`` of an update, likewise.
        scores: scores of one's own to record, each ``FILE.py:NAME``.
        source: name of the source model.
        victims: names of the victim models.
        seed: for drawing target classes.
        photos: a folder, a file of arrays or a saved dataset in place of the sample photos.
        labels: CSV of their labels; class folders when left out.
        device: where the models run; a GPU if there is one when left out.
    """

    images: int = 16
    steps: int = 40
    alpha: float = 0.6
    discretization: str = Discretization.STRAIGHT_THROUGH
    classes: int = 2
    balance: str = Balance.RANK
    attack_names: tuple[str, ...] = ()
    objective: str | None = None
    update: str | None = None
    scores: tuple[str, ...] = ()
    source: str = "efficientnet_lite0"
    victims: tuple[str, ...] = ("efficientnet_lite1", "efficientnet_lite2")
    seed: int = 0
    photos: str | Path | None = None
    labels: str | Path | None = None
    device: str | None = None

    def attacks(self) -> tuple[Attack, ...]:
        """The paper's two, or those that are named; raises `AttackError` for a setting that makes no sense."""
        named = [self._named(name) for name in self.attack_names]
        if self.objective is not None or self.update is not None:
            objective, update = self.objective or "target-logit", self.update or "gradient"
            named.append(
                composed(
                    objective, update, self.steps, self.alpha, discretization=self.discretization,
                    name=_file_name(self.objective or self.update or ""),
                )
            )  # fmt: skip
        return _told_apart(named) or self._of_the_paper()

    def _named(self, name: str) -> Attack:
        return load_attack(name, optional={"steps": self.steps, "discretization": self.discretization})

    def _of_the_paper(self) -> tuple[Attack, ...]:
        return (
            over_optimized(self.steps, self.alpha, self.discretization),
            multi_class(
                self.steps,
                self.classes,
                (_LOW * self.alpha, _HIGH * self.alpha),
                self.balance,
                discretization=self.discretization,
            ),
        )


def _told_apart(attacks: Sequence[Attack]) -> tuple[Attack, ...]:
    """Attacks under names that folders and tables can tell apart."""
    names = distinct_names(re.sub(r"[^\w.-]+", "_", attack.name) for attack in attacks)
    return tuple(replace(attack, name=name) for attack, name in zip(attacks, names, strict=True))


def _file_name(spec: str) -> str:
    return spec.rpartition(":")[2]


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
    selection = select_correct(_photos(settings, source), [source, *victims], settings.images)
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
