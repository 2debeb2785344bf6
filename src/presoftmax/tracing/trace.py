"""Attack images on a source, and what came of it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import polars as pl
import torch
from torch import Tensor

from presoftmax.analysis import by_iteration, first_fooled, transfer_by_iteration
from presoftmax.attacks import Attack
from presoftmax.data import as_path
from presoftmax.errors import warn
from presoftmax.printing import Printed, brief
from presoftmax.progress import Bar
from presoftmax.scores import NaturalReference
from presoftmax.storage import RunFolder
from presoftmax.strength import Examples
from presoftmax.tables import NOT_FINITE
from presoftmax.tracing._arguments import callable_or_none, flag, whole
from presoftmax.tracing.job import Job, JobOptions, prepare
from presoftmax.tracing.loop import Block, stream
from presoftmax.tracing.run_files import write_images, write_run_summary, write_run_tables

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from presoftmax.explorer import Explorer
    from presoftmax.judging import Judged

__all__ = ["Trace", "trace"]

# Figures and pages are imported where they are drawn: workers that only run attacks need none.

_VICTIMS_SHOWN = 5


def trace(
    attack: Attack,
    source: Any,
    images: Any,
    labels: Any = None,
    *,
    on_block: Callable[[Block], None] | None = None,
    progress: bool | None = None,
    **options: Unpack[JobOptions],
) -> "Trace":
    """Attack images on a source model and record every iteration, on the source and on every victim.

    Args:
        attack: what to run; see `presoftmax.attacks`.
        source: a `Classifier`, or an ``nn.Module`` that takes [0, 1] images ``(N, 3, H, W)`` and returns logits.
        images: an `ImageSet`; ``(N, 3, H, W)`` or ``(N, H, W, 3)``, uint8 or floats in [0, 1], which are rounded to 8
            bits; a list of such images; a loader, a dataset, a file of arrays or a folder.
        labels: true classes ``(N,)``, where ``images`` brings none.
        on_block: called with every finished block of iterations.
        progress: None: a bar on a terminal and in a notebook; True: lines in a log, too; False: nothing.
        options: keywords, those of `JobOptions`:

    Keywords:
        victims: models of the same classes that see each iteration: ``{"vgg": net}``, several, or one; each as the
            source, or any callable from uint8 images to logits.
        targets: one class or k classes for all examples, or a row for each ``(N, k)``; drawn from (seed, id) when left
            out (see `presoftmax.attacks.draw_targets`).
        ids: names of the examples; a hash of the pixels when left out.
        seed: for drawing targets.
        batch_size: examples attacked at a time; chosen from the size of the images and the device when left out.
            Results do not depend on it (beyond float rounding).
        keep: iterations whose images are kept besides the last, or ``"all"``.
        precision: ``"exact"``: float32 all the way; ``"fast"``: bfloat16 (or TF32) where that is faster (see
            `presoftmax.models.accelerate`).
        accelerate: whether networks are run as copies that compute the same faster (batch norms folded, another memory
            layout), checked on these images, and the process keeps freed memory while it runs (see
            `presoftmax.models.keep_freed_memory`). When left out, where the attack is long enough for it to pay.
        stop_at: log-odds from which an example does not move any more: of its targets together, where the attack has
            some (``group_log_odds``), else of anything but the true class (``misclassification_log_odds``). Its rows
            go on with the same image, so that every table has every iteration; until then they are those of the attack
            without, and `presoftmax.analysis.halted_at` says when.
        budget: passes of the source, forward and backward, that an example may cost; an attack that needs more is
            refused before anything runs. ``trace.job.describe()`` has what it costs.
        scores: scores of one's own, recorded as further columns of `steps`; see `presoftmax.scores.score`.

    Raises:
        AttackError: targets that do not fit.
        DataError: images or labels that do not fit.
        ModelError: a model that does not answer with logits, or has another number of classes; a source in which no
            gradient reaches the image.
        TypeError: a source without gradient, or an argument of another kind.
    """
    on_block, progress = callable_or_none("on_block", on_block), flag("progress", progress)
    job = prepare(attack, source, images, labels, **options)
    blocks: list[Block] = []
    with Bar(f"{job.attack.name} on {job.source.name}", (job.attack.steps + 1) * job.batches, progress) as bar:
        for block in stream(job):
            before = next((each.iteration for each in reversed(blocks) if each.batch == block.batch), -1)
            blocks.append(block)
            bar.advance(block.iteration - before)
            if on_block is not None:
                on_block(block)
    return Trace(job, tuple(blocks))


@dataclass(frozen=True, repr=False)
class Trace(Printed):
    """What an attack did, iteration by iteration.

    Attributes:
        job: what was run.
        blocks: what came of it; fewer than planned when it was interrupted.
    """

    job: Job
    blocks: tuple[Block, ...]

    def __post_init__(self) -> None:
        # Batches that went on side by side come block by block in turn.
        ordered = sorted(self.blocks, key=lambda block: (block.batch, block.iteration))
        object.__setattr__(self, "blocks", tuple(ordered))
        self._warn_of_vanished_gradients()
        broken = self.steps.filter(pl.col("predicted") == NOT_FINITE)["example"].n_unique()
        broken_at_victims = self.transfers.filter(pl.col("predicted") == NOT_FINITE)["example"].n_unique()
        if broken or broken_at_victims:
            warn(
                f"{self.job.attack.name}: logits became NaN or infinite for {broken} examples on the source and for "
                f"{broken_at_victims} on victims; their predicted class is {NOT_FINITE} there"
            )

    def _warn_of_vanished_gradients(self) -> None:
        vanished = self.steps.filter("gradient_vanished")
        if vanished.height:
            examples, first = vanished["example"].n_unique(), min(vanished["iteration"])
            warn(
                f"{self.job.attack.name}: the gradient vanished for {examples} examples, first at iteration {first}: "
                "from there the attack went nowhere, or the wrong way; drive a logit or a margin instead"
            )

    @cached_property
    def steps(self) -> pl.DataFrame:
        """One row per example and iteration, about the source; columns in `presoftmax.schema`."""
        return pl.concat([block.steps for block in self.blocks])

    @cached_property
    def transfers(self) -> pl.DataFrame:
        """One row per example, iteration and victim; columns in `presoftmax.schema`."""
        return pl.concat([block.transfers for block in self.blocks])

    def first_fooled(self) -> pl.DataFrame:
        """When each example first fools the source and each victim; see `presoftmax.analysis.first_fooled`."""
        return first_fooled(self.steps, self.transfers)

    def judge(self, natural: NaturalReference | str | Path | None = None) -> "Judged":
        """Say how strong the images of the last iteration are, and what they do to the victims.

        Args:
            natural: what the source's logits look like on natural images (or the file of it); the clean images stand in
                for it.
        """
        from presoftmax.judging import judge_examples

        victims = dict(zip(self.job.victim_names, self.job.victims, strict=True))
        examples = Examples(self.images, self.job.examples)
        return judge_examples(examples, self.job.source, victims, natural, self.job.scores)

    def plot(self, path: str | Path | None = None) -> "Figure":
        """Confidence, logits and transfer against the iteration, means over the examples.

        Args:
            path: also write it there, in the format of its ending (``.png``, ``.svg``, ``.pdf``).
        """
        from presoftmax.report.figures import in_order, iterations_figure, save_as

        shares = in_order(transfer_by_iteration(self.transfers), "victim", self.job.victim_names)
        figure = iterations_figure(by_iteration(self.steps), shares)
        if path is not None:
            save_as(figure, as_path(path, "path"))
        return figure

    def save(self, folder: str | Path) -> Path:
        """Write a new run folder: the tables, the kept images as PNG, ``run.json``.

        Returns:
            The folder.

        Raises:
            RunError: it exists already, or cannot be written.
        """
        path = as_path(folder, "folder")
        with RunFolder.making(path) as made:
            self._write(made)
        return path

    def report(self, folder: str | Path) -> Path:
        """Write the same folder with its figures, ``report.html``, and ``explorer.html`` to look at every example.

        Returns:
            The path of the page.

        Raises:
            RunError: it exists already, or cannot be written.
        """
        from presoftmax.explorer import run_material, write_explorer
        from presoftmax.report.run import write_report

        path = as_path(folder, "folder")
        with RunFolder.making(path) as made:
            self._write(made)
            write_report(made)
            write_explorer(run_material(made.path), made.path / "explorer.html")
        return path / "report.html"

    def explore(self) -> "Explorer":
        """Look at every example, iteration by iteration: shown in a notebook as it is; ``.save(FILE)`` for a page."""
        from presoftmax.explorer import Explorer, Material, MemoryPictures, Part

        job, name = self.job, self.job.attack.name
        images = {0: job.examples.images} | {at: self.images_at(at) for at in self.kept}
        by_example = {
            (name, example): {at: of_all[i] for at, of_all in images.items() if i < len(of_all)}
            for i, example in enumerate(job.examples.ids)
        }
        part = Part(self.steps.lazy(), self.transfers.lazy())
        pictures = MemoryPictures(by_example)
        return Explorer(Material(f"{name} on {job.source.name}", [part], pictures, job.source.classes))

    def _write(self, folder: RunFolder) -> None:
        examples = self.job.examples
        folder.write_images(self.job.attack.name, range(len(examples)), examples.ids, 0, examples.images)
        for block in self.blocks:
            write_images(folder, self.job, block)
        write_run_tables(folder, [self], self.complete)
        write_run_summary(folder, [self], {"settings": {}, "selection": None})

    def _lines(self) -> list[str]:
        job, means = self.job, by_iteration(self.steps)
        name, last = brief(job.attack.name), means.height and max(means["iteration"])
        whole = "" if self.complete else f" of {job.attack.steps}, interrupted"
        lines = [f"Trace of {name} on {brief(job.source.name)}: {len(job.examples)} examples, {last} iterations{whole}"]
        for column, label, digits in (("confidence", "confidence", 3), ("ca1", "CA1", 1), ("log_odds", "log-odds", 1)):
            values = means[column]
            if len(values):
                lines.append(f"  mean {label} {values[0]:.{digits}f} to {values[-1]:.{digits}f}")
        shares = transfer_by_iteration(self.transfers)
        for victim in job.victim_names[:_VICTIMS_SHOWN]:
            share = shares.filter(pl.col("victim") == victim)["misclassified"]
            if len(share):
                lines.append(f"  fools {brief(victim)}: {100 * share[0]:.0f} % to {100 * share[-1]:.0f} %")
        if len(job.victim_names) > _VICTIMS_SHOWN:
            lines.append(f"  ... and {len(job.victim_names) - _VICTIMS_SHOWN} more victims")
        return [*lines, "  .steps, .transfers, .images; .judge(), .plot(), .report(folder)"]

    def _repr_html_(self) -> str:
        """In a notebook: the figure, and the same lines under it."""
        from presoftmax.report import data_uri
        from presoftmax.report.figures import png_of

        image = data_uri(png_of(self.plot()))
        return f'<img alt="iterations" style="max-width:100%" src="{image}"><pre>{escape(repr(self))}</pre>'

    @property
    def complete(self) -> bool:
        """Whether every batch reached the last iteration."""
        last = [block for block in self.blocks if block.iteration == self.job.attack.steps]
        return len(last) == self.job.batches

    @property
    def images(self) -> Tensor:
        """The adversarial images of the last iteration, uint8 ``(N, 3, H, W)``."""
        return self.images_at(self.job.attack.steps)

    @property
    def float_images(self) -> Tensor:
        """The float images in [0, 1] behind `images`, before rounding (with ``every-step``: after the last step)."""
        found = [block.float_images for block in self.blocks if block.float_images is not None]
        return torch.cat(found)

    def images_at(self, iteration: int) -> Tensor:
        """The images of a kept iteration, uint8 ``(N, 3, H, W)``.

        Raises:
            ValueError: it was not kept, or not reached.
        """
        iteration = whole("iteration", iteration)
        found = [block.images[iteration] for block in self.blocks if iteration in block.images]
        if not found:
            raise ValueError(f"no images of iteration {iteration}; kept: {self.kept}")
        return torch.cat(found)

    @property
    def kept(self) -> list[int]:
        """The iterations whose images are there."""
        return sorted({iteration for block in self.blocks for iteration in block.images})
