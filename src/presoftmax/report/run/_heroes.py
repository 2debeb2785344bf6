"""What a run's page shows first: a photo at two iterations that read the same, a disguised one, and all as dots."""

from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import polars as pl
from matplotlib.figure import Figure
from PIL import Image

from presoftmax.report.figures import class_namer, judged_figure
from presoftmax.report.heroes import Band, Hero, pair_sentence, thumbnail
from presoftmax.storage import RunFolder
from presoftmax.strength import LOOKS_WEAK
from presoftmax.tables import NOT_FINITE
from presoftmax.text import counted

__all__ = ["RunHeroes"]

_RANGE = (0.05, 0.95, 1.0)
_RISEN = 1.2
"""Times by which CA1 must rise between two iterations that read the same confidence, to be shown."""


class RunHeroes:
    """The examples of a run that tell the most.

    Args:
        folder: of the run, with its images.
        steps: its table.
        transfers: likewise.
        summary: what its ``run.json`` says.
    """

    def __init__(
        self, folder: RunFolder, steps: pl.DataFrame, transfers: pl.DataFrame, summary: dict[str, Any]
    ) -> None:
        self._folder, self._summary = folder, summary
        self._namer = class_namer(summary["classes"])
        self._clean = steps.filter(pl.col("iteration") == 0).unique("example", maintain_order=True)
        self._fooled = _counts(transfers)
        self._victims = len(summary["victims"])
        self.images = self._clean.height
        self.natural = {name: self._range(name) for name in ("ca1", "log_odds")}
        self._steps = _marked(steps, self.natural["ca1"]["1"])
        last = steps.group_by("attack").agg(pl.col("iteration").max())
        self._last = self._steps.join(last, on=["attack", "iteration"], maintain_order="left")
        self._transfers = transfers.join(last, on=["attack", "iteration"])
        pair = self._pair()
        self._is_paired = pair is not None
        rows = [*(pair or ()), *self._hidden()]
        self.heroes = tuple(self._hero(row) for row in rows)
        self.band = Band(self.natural["ca1"], float(self._last["ca1"].max() or 0))  # type: ignore[arg-type]

    @property
    def sentence(self) -> str:
        """What the pair says, in words; empty without one."""
        said = pair_sentence(self.heroes, self.band.most, self.images) if self._is_paired else ""
        return f"The same photo, attacked for longer. {said}" if said else ""

    def figure(self) -> Figure:
        """Confidence against strength, a dot for each example and attack at its last iteration."""
        named = pl.concat_str("attack", pl.lit("/"), "example").alias("example")
        count = counted(int(self._last["adversarial"].sum()), "example")
        title = f"{count} at the last iteration: confidence and log-odds"
        return judged_figure(
            self._last.with_columns(named), self._transfers.with_columns(named), self.natural, (), title
        )

    def _range(self, column: str) -> dict[str, float]:
        return {f"{at:g}": float(self._clean[column].quantile(at) or 0) for at in _RANGE}

    def _pair(self) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """The first and the last kept iteration of an example that print the same confidence; CA1 furthest apart."""
        best: tuple[dict[str, Any], dict[str, Any]] | None = None
        for rows in self._kept():
            end = rows[-1]
            alike = [row for row in rows[:-1] if f"{row['confidence']:.2f}" == f"{end['confidence']:.2f}"]
            if (
                alike
                and end["ca1"] > _RISEN * alike[0]["ca1"]
                and (best is None or _rise(alike[0], end) > _rise(*best))
            ):
                best = alike[0], end
        return best

    def _kept(self) -> Iterator[list[dict[str, Any]]]:
        """For each attack and example the rows whose images are there and fool the source."""
        number = {example: i for i, example in enumerate(self._summary["examples"])}
        fooling = self._steps.filter("adversarial").sort("iteration")
        of = fooling.partition_by("attack", "example", as_dict=True)
        for attack, example in product(self._summary["attacks"], number):
            rows = of[attack, example].to_dicts() if (attack, example) in of else []
            there = [row for row in rows if self._path(row, number[example], row["iteration"]).is_file()]
            if there:
                yield there

    def _hidden(self) -> list[dict[str, Any]]:
        """The example beyond every clean photo that looks weakest at the last iteration, if it looks weak."""
        return self._last.filter("disguised").sort("confidence", "example").head(1).to_dicts()

    def _hero(self, row: Mapping[str, Any]) -> Hero:
        key = row["attack"], row["example"], row["iteration"]
        return Hero(
            clean=self._image(row, 0),
            image=self._image(row, row["iteration"]),
            label=self._namer(row["label"]),
            predicted=self._namer(row["predicted"]),
            note=f"iteration {row['iteration']}",
            confidence=row["confidence"],
            ca1=row["ca1"],
            fooled=(self._fooled.get(key, 0), self._victims) if self._victims else None,
            over_optimized=row["over_optimized"],
            disguised=row["disguised"],
        )

    def _image(self, row: Mapping[str, Any], iteration: int) -> str:
        number = self._summary["examples"].index(row["example"])
        with Image.open(self._path(row, number, iteration)) as picture:
            return thumbnail(picture.convert("RGB"))

    def _path(self, row: Mapping[str, Any], number: int, iteration: int) -> Path:
        return self._folder.image_path(row["attack"], number, row["example"], iteration)


def _marked(steps: pl.DataFrame, largest_natural: float) -> pl.DataFrame:
    """The iterations after the clean one with the marks that a judgment has: adversarial, over-optimized, disguised."""
    adversarial = (pl.col("predicted") != NOT_FINITE) & (pl.col("predicted") != pl.col("label"))
    beyond = pl.col("adversarial") & (pl.col("ca1") > largest_natural)
    return (
        steps.with_columns(adversarial=adversarial & (pl.col("iteration") > 0))
        .with_columns(over_optimized=beyond)
        .with_columns(disguised=pl.col("over_optimized") & (pl.col("confidence") < LOOKS_WEAK))
    )


def _rise(first: Mapping[str, Any], last: Mapping[str, Any]) -> float:
    return float(last["ca1"] - first["ca1"])


def _counts(transfers: pl.DataFrame) -> dict[tuple[str, str, int], int]:
    """How many victims each image fools, where any."""
    counted = transfers.filter("misclassified").group_by("attack", "example", "iteration").len()
    return {(attack, example, iteration): count for attack, example, iteration, count in counted.iter_rows()}
