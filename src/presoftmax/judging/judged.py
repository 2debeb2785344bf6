"""Judged examples: the numbers, the picture, the page."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
from matplotlib.figure import Figure

from presoftmax.analysis import JudgedSummary, summarize_judged
from presoftmax.data import as_path
from presoftmax.errors import DataError
from presoftmax.printing import Printed, brief
from presoftmax.report import data_uri
from presoftmax.report.figures import png_of, save_as
from presoftmax.report.judged import judged_picture, write_judged_page
from presoftmax.storage import RunFolder, versions
from presoftmax.strength import LEVELS, Examples, MeasuredExamples, TransferPredictor, rounding
from presoftmax.text import printable

if TYPE_CHECKING:
    from presoftmax.explorer import Explorer

__all__ = ["Judged"]


@dataclass(frozen=True, repr=False)
class Judged(Printed):
    """What adversarial examples are worth. Made by `presoftmax.judge`.

    Attributes:
        examples: the pairs of images.
        measured: every table.
        source: name of the model that they were made on.
        classes: names of its classes, where they are known.
        notes: what a careful reader would want to know.
    """

    examples: Examples
    measured: MeasuredExamples
    source: str
    classes: tuple[str, ...] | None
    notes: tuple[str, ...]

    @property
    def table(self) -> pl.DataFrame:
        """A row per example, in the order they were given; columns in `presoftmax.schema`, ``strength``."""
        return self.measured.strength

    @property
    def transfers(self) -> pl.DataFrame:
        """A row per example and victim."""
        return self.measured.transfers

    @property
    def survival(self) -> pl.DataFrame:
        """A row per example and distortion: whether the source is still fooled."""
        return self.measured.survival

    @property
    def natural(self) -> pl.DataFrame:
        """A row per clean image and model."""
        return self.measured.natural

    @cached_property
    def summary(self) -> JudgedSummary:
        """The numbers that go into a paper, with intervals."""
        return summarize_judged(self.source, LEVELS, self.table, self.transfers, self.survival, self.natural)

    def plot(self, path: str | Path | None = None) -> Figure:
        """Confidence against strength, the natural range, and the examples that tell the most.

        Args:
            path: also write it there, in the format of its ending (``.png``, ``.svg``, ``.pdf``).
        """
        figure = judged_picture(self.source, self.classes, self.examples, self.measured)
        if path is not None:
            save_as(figure, as_path(path, "path"))
        return figure

    def save(self, folder: str | Path) -> Path:
        """Write the page, the figure and the tables to a new folder.

        ``score.html``, ``figures/``, ``run.json``; ``strength``, ``transfers``, ``survival`` and ``natural``, each as
        ``.parquet`` and ``.csv``.

        Returns:
            The path of the page.

        Raises:
            RunError: the folder exists already, or cannot be written.
        """
        path = as_path(folder, "folder")
        with RunFolder.making(path) as made:
            self.write(made, {})
        return path / "score.html"

    def write(self, folder: RunFolder, about: Mapping[str, Any]) -> None:
        """Write everything to a folder that is there, with more values for its ``run.json``."""
        measured = self.measured
        tables = {
            "strength": measured.strength,
            "transfers": measured.transfers,
            "survival": measured.survival,
            "natural": measured.natural,
        }
        folder.write_tables(tables, {"source": self.source, "versions": versions()}, csv=True)
        write_judged_page(folder, self.examples, measured, self.summary, self.notes, self.classes)
        examples = self.table.to_dicts()
        content = {**self.values(), "run": str(folder.path), **about, "versions": versions(), "examples": examples}
        pictured = self._write_images(folder)
        folder.write_summary({**content, "classes": self.classes and list(self.classes), "pictured": pictured})
        self.explore().save(folder.path / "explorer.html")

    def calibrated(self, predictor: TransferPredictor, victim: str) -> TransferPredictor:
        """A predictor of transfer, brought to one of the victims by these examples as its labelled probes.

        Those count that were right before the attack and fool the source.

        Args:
            predictor: fitted to a study; see `presoftmax.strength.TransferPredictor`.
            victim: name of the one.

        Raises:
            DataError: no surrogates were asked, no such victim, or fewer than 20 such examples.
        """
        if self.measured.surrogates is None:
            raise DataError("nothing is known of these examples by surrogates: judge(..., surrogates=...)")
        shown = self.transfers.filter(pl.col("victim") == victim)
        if not shown.height:
            names = ", ".join(self.transfers["victim"].unique(maintain_order=True)) or "none"
            raise DataError(f"no victim {victim!r}; there are {names}")
        counted = (self.table["fooled"] & (self.table["predicted_clean"] == self.table["label"])).to_numpy()
        known = self.measured.surrogates.known
        probes = replace(known, **{each.name: getattr(known, each.name)[counted] for each in fields(known)})
        by_example = self.table.select("example").join(shown, on="example", how="left", maintain_order="left")
        wrong = by_example[predictor.criterion].fill_null(False).to_numpy()[counted]
        classes = predictor.about.classes if self.classes is None else len(self.classes)
        return predictor.calibrate(victim, probes, classes, wrong)

    def explore(self) -> "Explorer":
        """Look at every example, before and after: shown in a notebook as it is; ``.save(FILE)`` for a page."""
        from presoftmax.explorer import JUDGED, Explorer, MemoryPictures, judged_material

        clean, changed = self.examples.clean.images, rounding(self.examples.adversarial)
        ids = self.examples.clean.ids
        images = {(JUDGED, name): {0: clean[i], 1: changed[i]} for i, name in enumerate(ids)}
        tables = {"strength": self.table, "transfers": self.transfers, "natural": self.natural}
        return Explorer(judged_material(self.source, tables, MemoryPictures(images), self.classes, self.notes))

    def _write_images(self, folder: RunFolder) -> list[str]:
        """The strongest examples before and after, as PNG; returns their ids."""
        from presoftmax.explorer import JUDGED

        ids = self.table.sort("rank", "example", nulls_last=True)["example"][:_PICTURED].to_list()
        place = {name: i for i, name in enumerate(self.examples.clean.ids)}
        rows = [place[name] for name in ids]
        changed = rounding(self.examples.adversarial[rows])
        for iteration, images in ((0, self.examples.clean.images[rows]), (1, changed)):
            folder.write_images(JUDGED, range(len(ids)), ids, iteration, images)
        return ids

    def values(self) -> dict[str, Any]:
        """The summary, and what is not of the adversarial examples alone, in plain values."""
        return {
            **self.summary.values(),
            "clean_accuracy": self.measured.clean_accuracy,
            "off_lattice": self.measured.off_lattice,
            "notes": list(self.notes),
        }

    def _lines(self) -> list[str]:
        lines = [(printable(name), text) for name, text in self.summary.lines()]
        width = max(len(name) for name, _ in lines)
        rows = [f"  {name:<{width}}  {text}" for name, text in lines[1:]]
        if len(rows) > _LINES:
            # The confidence is the last line: it is what all others are compared with.
            rows[_LINES - 2 : -1] = [f"  ... and {len(rows) - _LINES + 1} more in .summary"]
        return [f"{len(self.examples)} examples made on {brief(self.source)}", *rows]

    def _repr_html_(self) -> str:
        """In a notebook: the picture, and the table under it."""
        lines = ((escape(printable(name)), escape(text)) for name, text in self.summary.lines())
        left = "<td style='text-align:left'>"
        rows = "".join(f"<tr>{left}{name}</td>{left}{text}</td></tr>" for name, text in lines)
        image = data_uri(png_of(self.plot()))
        return f'<img alt="confidence against strength" style="max-width:100%" src="{image}"><table>{rows}</table>'


_LINES = 10
_PICTURED = 100
