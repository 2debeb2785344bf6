"""Judge a set of adversarial images: a folder with its page, its tables, and a verdict on each."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from presoftmax.errors import DataError
from presoftmax.models import load_model, load_victim, table_names
from presoftmax.report import write_strength
from presoftmax.scores import NaturalReference, load_scores
from presoftmax.storage import RunFolder, versions
from presoftmax.strength import VERDICTS, Examples, MeasuredExamples, measure, read_examples
from presoftmax.tables import SCORE_COLUMNS

__all__ = ["ScoreSettings", "Scoring", "run_scoring"]

_LOW_ACCURACY = 0.3
_FEW = 100


@dataclass(frozen=True)
class Scoring:
    """A finished scoring: its folder, its tables, what ``--json`` prints, and what a reader should be warned of."""

    folder: Path
    measured: MeasuredExamples
    summary: dict[str, Any]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class ScoreSettings:
    """What `run_scoring` does.

    Attributes:
        adversarial: folder of images, ``.npz``, ``.pt`` or ``.safetensors``.
        clean: the clean images, likewise; see `read_examples`.
        labels: CSV of labels of a folder of clean images.
        source: name of the model that they were made on.
        victims: names of models that they are shown to.
        natural: ``natural.json`` of ``presoftmax audit``; the clean images stand in for it when left out.
        device: where the models run; a GPU if there is one when left out.
        scores: further scores, each ``FILE.py:NAME``.
    """

    adversarial: Path
    clean: Path | None
    labels: Path | None
    source: str
    victims: tuple[str, ...]
    natural: Path | None
    device: str | None
    scores: tuple[str, ...] = ()


def run_scoring(settings: ScoreSettings, out: Path | None) -> Scoring:
    """Score adversarial images and write ``out``: ``score.html``, ``run.json``, and three Parquet tables.

    Left out, it is ``presoftmax-runs/score-DATE-TIME``.

    Raises:
        PresoftmaxError: images, models or a folder that cannot be used.
    """
    with RunFolder.making(out, "score") as folder:
        return _score(settings, folder)


def _score(settings: ScoreSettings, folder: RunFolder) -> Scoring:
    for path in (settings.adversarial, settings.clean, settings.labels, settings.natural):
        if path is not None and not path.exists():
            raise DataError(f"{path}: no such file or folder")
    scores = load_scores(settings.scores)
    model = load_model(settings.source, settings.device)
    names = table_names(settings.source, *settings.victims)[1:]
    victims = {name: load_victim(spec, settings.device) for name, spec in zip(names, settings.victims, strict=True)}
    examples = read_examples(settings.adversarial, settings.clean, settings.labels, model.preprocessing, model.classes)
    reference = None if settings.natural is None else NaturalReference.load(settings.natural)
    measured = measure(examples, model, victims, reference, scores=scores)
    warnings_found = tuple(_warnings(measured, examples))
    summary = _summary(measured, model.name, folder.path)
    tables = {"strength": measured.strength, "transfers": measured.transfers, "survival": measured.survival}
    folder.write_tables(tables, {"source": model.name, "versions": versions()})
    write_strength(folder, examples, measured, summary, warnings_found, model.classes)
    paths = {name: getattr(settings, name) for name in ("adversarial", "clean", "labels")}
    given = {name: path and str(path) for name, path in paths.items()}
    content = {**summary, "settings": given, "warnings": warnings_found, "versions": versions()}
    folder.write_summary({**content, "examples": measured.strength.to_dicts()})
    return Scoring(folder.path, measured, summary, warnings_found)


def _warnings(measured: MeasuredExamples, examples: Examples) -> list[str]:
    found = list(examples.notes)
    died = int((measured.strength["fooled_as_given"] & ~measured.strength["fooled"]).sum())
    if measured.off_lattice > 0.01:
        found.append(
            f"the images are up to {measured.off_lattice:.2f} grey levels off the 8-bit lattice; rounding them costs "
            f"{died} of them their effect on the source. All other numbers are of the rounded images"
        )
    if examples.far_apart:
        found.append(
            f"half of the images are {examples.median_distance():.0f} grey levels or more (L-infinity) from their "
            "clean ones: no perturbation is so large. Are they the same photos, framed in the same way?"
        )
    if not (measured.strength["linf"] > 0).any():
        found.append("every image is equal to its clean one: are these the adversarial images?")
    seen = measured.strength["natural_images"][0]
    if seen < _FEW:
        found.append(
            f"only {seen} natural images say what is natural for the source; fit a reference on more with "
            "'presoftmax audit' and give it with --natural"
        )
    if measured.clean_accuracy < _LOW_ACCURACY:
        found.append(
            f"the source is right on only {100 * measured.clean_accuracy:.0f} % of the clean images: are labels, "
            "normalization and image size its own?"
        )
    return found


def _summary(measured: MeasuredExamples, source: str, out: Path) -> dict[str, Any]:
    table = measured.strength
    transfers = measured.transfers.group_by("victim", maintain_order=True).agg(pl.col("misclassified").mean())
    survival = measured.survival.group_by("distortion", maintain_order=True).agg(pl.col("fooled").mean())
    return {
        "source": source,
        "images": table.height,
        "clean_accuracy": measured.clean_accuracy,
        "off_lattice": measured.off_lattice,
        "fooled_as_given": float(table["fooled_as_given"].cast(pl.Float64).mean() or 0),  # type: ignore[arg-type]
        "fooled": float(table["fooled"].cast(pl.Float64).mean() or 0),  # type: ignore[arg-type]
        "mean": _means(table),
        "verdicts": {kind: int((table["verdict"] == kind).sum()) for kind in VERDICTS},
        "transfer": dict(transfers.iter_rows()),
        "survival": dict(survival.iter_rows()),
        "run": str(out),
    }


def _means(table: pl.DataFrame) -> dict[str, float | None]:
    """Of every score that could be told, and of the norms."""
    names = ["confidence_as_given", *(column.name for column in SCORE_COLUMNS), "ca2", "l2", "linf"]
    means = table.select(pl.col(names).cast(pl.Float64).mean()).row(0, named=True)
    return dict(means)
