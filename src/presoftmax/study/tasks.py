"""What a worker does: choose among candidates, or run a unit. Plain data in, bytes out; it writes no file.

So a worker needs no disk of its own, and may be on another machine.
"""

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import polars as pl
import torch
from safetensors.torch import save as to_safetensors
from torch import Tensor

from presoftmax.analysis import log_spaced
from presoftmax.attacks import Goal
from presoftmax.choices import Copies, Precision
from presoftmax.data import ImageSet
from presoftmax.errors import RunError
from presoftmax.models import Classifier, Model, accelerate, frozen, is_out_of_memory, keep_freed_memory
from presoftmax.printing import Printed
from presoftmax.scores import load_scores
from presoftmax.storage import versions
from presoftmax.study._copies import copies_table
from presoftmax.study._noise import noise_table
from presoftmax.study.attack_config import AttackConfig
from presoftmax.study.model_names import ModelNames
from presoftmax.study.panel import Panel, load_panel
from presoftmax.tables import COPIES, NATURAL, NOISE, STEPS, TRANSFERS, polars_schema, rows_of, step_record
from presoftmax.tracing import Block, Job, are_right, clean_logits, default_batch_size, prepare, stream

__all__ = [
    "SHOWN_ITERATIONS",
    "OnBlock",
    "SelectionTask",
    "TaskResult",
    "UnitTask",
    "VariantsTask",
    "find_variants",
    "run_unit",
    "select",
]

_SELECTION_BATCH = 32
SHOWN_ITERATIONS = 12
"""Of about so many iterations, log-spaced, images are kept and noise is shown."""

OnBlock = Callable[[Job, Block], None]


@dataclass(frozen=True, repr=False)
class TaskResult(Printed):
    """What came of a task: files by name, and what is known besides."""

    files: dict[str, bytes]
    receipt: dict[str, Any]


@dataclass(frozen=True)
class SelectionTask:
    """Images to choose from."""

    names: ModelNames
    images: ImageSet


@dataclass(frozen=True)
class VariantsTask:
    """Models whose fastest variants are wanted.

    Attributes:
        names: the models.
        images: to try with.
        precision: of the study.
        batch_size: examples at a time; chosen when None.
        image_iterations: images that each model will see.
    """

    names: ModelNames
    images: ImageSet
    precision: Precision
    batch_size: int | None
    image_iterations: int


@dataclass(frozen=True, repr=False)
class UnitTask(Printed):
    """A unit with all that it needs.

    Attributes:
        names: the models.
        source: which of them is attacked.
        attack: the attack.
        images: the shard.
        seed: of the study.
        precision: likewise.
        batch_size: examples at a time; chosen when None.
        noise: whether victims also see noise.
        copies: who sees changed copies of the images.
        final_images: whether the images of the last iteration are kept.
        gallery: of how many examples about a dozen iterations are kept.
        scores: scores of the user's own, each ``FILE.py:NAME``.
    """

    names: ModelNames
    source: int
    attack: AttackConfig
    images: ImageSet
    seed: int
    precision: Precision
    batch_size: int | None
    noise: bool
    copies: Copies
    final_images: bool
    gallery: int
    scores: tuple[str, ...] = ()


def select(task: SelectionTask, device: str, on_block: OnBlock | None = None) -> TaskResult:
    """Show candidates to all models: ``images.safetensors`` of those that all get right, ``natural.parquet`` of all."""
    models = load_panel(task.names, device).models
    kept: list[int] = []
    tables = []
    with frozen(*models):
        for number, batch in enumerate(task.images.batches(_SELECTION_BATCH)):
            shown = clean_logits(models, batch)
            right = torch.stack([are_right(logits, batch.labels) for logits in shown]).all(dim=0)
            kept += [number * _SELECTION_BATCH + i for i in right.nonzero()[:, 0].tolist()]
            tables += [_natural(name, batch, logits) for name, logits in zip(task.names.labels, shown, strict=True)]
    chosen = task.images.select(kept)
    natural = pl.concat(tables) if tables else pl.DataFrame(schema=polars_schema(NATURAL))
    receipt = {
        "ids": list(chosen.ids),
        "looked_at": len(task.images),
        "num_classes": shown[0].shape[1] if tables else 0,
        "skipped": [{"file": entry.file, "reason": entry.reason} for entry in task.images.skipped],
    }
    pixels = to_safetensors({"images": chosen.images.contiguous(), "labels": chosen.labels.contiguous()})
    return TaskResult({"images.safetensors": pixels, "natural.parquet": _parquet(natural)}, receipt)


def find_variants(task: VariantsTask, device: str, on_block: OnBlock | None = None) -> TaskResult:
    """On which variant each network is run: the fastest on this device, or the usual one in a short study."""
    panel = load_panel(task.names, device)
    size = task.batch_size or default_batch_size(task.images, panel.sources[0].device, task.precision)
    images, passes = task.images.images[:size], -(-task.image_iterations // size)
    variants = []
    for i, model in enumerate(panel.models):
        is_source = i < task.names.sources
        faster = accelerate(model, images, task.precision, gradient=is_source, passes=passes)
        variants.append(str(faster.variant) if isinstance(faster, Classifier) else "")
    named = dict(zip(task.names.labels, variants, strict=True))
    return TaskResult(
        {}, {"precision": task.precision, "variants": named, "device": _device_name(panel.sources[0].device)}
    )


def run_unit(task: UnitTask, device: str, on_block: OnBlock | None = None) -> TaskResult:
    """Attack a shard and record every iteration; where memory is too small, with half the batch, and so on.

    Gives ``steps.parquet``, ``transfers.parquet``, and where asked for ``noise.parquet``, ``copies.parquet``,
    ``final.safetensors`` and ``gallery.safetensors``; rows ordered by example, then iteration (transfers by
    victim first, copies by model and copy).
    """
    panel = load_panel(task.names, device)
    examples = _attackable(task)
    if len(examples) == 0:
        return _nothing()
    halved, before = 0, panel.unanswered()
    size = task.batch_size
    while True:
        job = _job(task, panel, examples, size)
        try:
            with keep_freed_memory():
                done = _run(task, panel, job, on_block)
            done.receipt["batch_halved"] = halved
            done.receipt["unanswered"] = dict(panel.unanswered() - before)
            return done
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            if job.batch_size == 1:
                raise RunError(
                    f"not even one image at a time fits the memory of {device} ({task.names.labels})"
                ) from error
            size, halved = max(1, min(job.batch_size, len(examples)) // 2), halved + 1
        _give_memory_back()


def _nothing() -> TaskResult:
    """A unit of which a fixed target has left no image."""
    tables = {"steps": STEPS, "transfers": TRANSFERS, "noise": NOISE, "copies": COPIES}
    files = {f"{name}.parquet": _parquet(pl.DataFrame(schema=polars_schema(kind))) for name, kind in tables.items()}
    return TaskResult(files, {"examples": [], "image_iterations": 0, "seconds": 0.0, "batch_size": 0, "batch_halved": 0,
                        "device": "none", "threads": 0})  # fmt: skip


def _attackable(task: UnitTask) -> ImageSet:
    """The shard without images whose true class is a fixed target."""
    fixed = set(task.attack.targets or ())
    return task.images.select([i for i, label in enumerate(task.images.labels.tolist()) if label not in fixed])


def _job(task: UnitTask, panel: Panel, examples: ImageSet, batch_size: int | None) -> Job:
    attack = task.attack.build()
    wanted = task.gallery or task.copies is not Copies.NONE
    keep = log_spaced(attack.steps, SHOWN_ITERATIONS) if wanted else []
    return prepare(
        attack, panel.sources[task.source], examples, victims=panel.victims_of(task.source),
        targets=task.attack.targets, seed=task.seed, batch_size=batch_size, keep=keep, precision=task.precision,
        accelerate=False, scores=load_scores(task.scores),
    )  # fmt: skip


def _run(task: UnitTask, panel: Panel, job: Job, on_block: OnBlock | None) -> TaskResult:
    started = time.monotonic()
    steps, transfers, copies = [], [], []
    seeing = _who_sees_copies(task, job)
    final: list[Tensor] = []
    gallery: dict[int, list[Tensor]] = {}
    for block in stream(job):
        steps.append(block.steps)
        transfers.append(block.transfers)
        if seeing:
            copies.append(copies_table(block.steps, block.images, seeing, job.source.device))
        shown = max(0, task.gallery - block.batch * job.batch_size)
        for iteration, images in block.images.items():
            gallery.setdefault(iteration, []).append(images[:shown].clone())
            if iteration == job.attack.steps and task.final_images:
                final.append(images)
        if on_block is not None:
            on_block(job, block)
    seconds = time.monotonic() - started
    rows = _ordered(pl.concat(steps), job.examples.ids, [])
    files = {
        "steps.parquet": _parquet(rows),
        "transfers.parquet": _parquet(_ordered(pl.concat(transfers), job.examples.ids, ["victim"])),
    }
    if task.noise and job.victims:
        iterations = log_spaced(job.attack.steps, SHOWN_ITERATIONS)
        files["noise.parquet"] = _parquet(
            noise_table(
                job.examples, rows, iterations, job.victims, job.victim_names, task.seed, job.batch_size,
                job.source.device,
            )
        )  # fmt: skip
    if copies:
        files["copies.parquet"] = _parquet(_ordered(pl.concat(copies), job.examples.ids, ["model", "copy"]))
    if final:
        files["final.safetensors"] = to_safetensors({"images": torch.cat(final)})
    if task.gallery:
        pictures = {str(iteration): torch.cat(images) for iteration, images in gallery.items()}
        files["gallery.safetensors"] = to_safetensors(pictures)
    return TaskResult(files, _receipt_of(job, seconds))


def _who_sees_copies(task: UnitTask, job: Job) -> dict[str, Model]:
    if task.copies is Copies.NONE:
        return {}
    others = zip(job.victim_names, job.victims, strict=True) if task.copies is Copies.ALL else ()
    return {job.source.name: job.source, **dict(others)}


def _receipt_of(job: Job, seconds: float) -> dict[str, Any]:
    images, iterations = len(job.examples), job.attack.steps + 1
    return {
        "examples": list(job.examples.ids),
        "image_iterations": images * iterations,
        "seconds": round(seconds, 3),
        "batch_size": job.batch_size,
        "attack": job.attack.describe(),
        "variants": job.variants(),
        "device": _device_name(job.source.device),
        "threads": torch.get_num_threads(),
        "versions": versions(),
    }


def _ordered(frame: pl.DataFrame, ids: Sequence[str], first: Sequence[str]) -> pl.DataFrame:
    """By example, in the order of the shard, then iteration: a trajectory's rows together, as they are read."""
    position = pl.DataFrame({"example": list(ids)}).with_row_index("_position")
    return frame.join(position, on="example", how="left").sort(*first, "_position", "iteration").drop("_position")


def _parquet(frame: pl.DataFrame) -> bytes:
    buffer = BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


def _natural(model: str, batch: ImageSet, logits: Tensor) -> pl.DataFrame:
    """Rows of `natural`: what `steps` says of clean images, as far as it is about the model alone."""
    record = step_record(logits, Goal.of(batch.labels))
    return rows_of(NATURAL, record, batch.ids, [0] * len(batch), {"model": model})


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def _give_memory_back() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
