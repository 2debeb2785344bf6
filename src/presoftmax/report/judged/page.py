"""The page of judged examples: what the confidence hides first, numbers and every example below."""

from collections.abc import Sequence
from typing import Any

import polars as pl

from presoftmax.analysis import JudgedSummary
from presoftmax.data import to_picture
from presoftmax.report.figures import class_namer, save
from presoftmax.report.heroes import LARGE, Band, Hero, pair_sentence, thumbnail
from presoftmax.report.html import data_uri, render
from presoftmax.report.judged.picture import judged_picture, telling
from presoftmax.storage import RunFolder, replace_text
from presoftmax.strength import Examples, MeasuredExamples, rounding

__all__ = ["write_judged_page"]

_SHOWN = 200
_SIDE = 96


def write_judged_page(
    folder: RunFolder,
    examples: Examples,
    measured: MeasuredExamples,
    summary: JudgedSummary,
    notes: Sequence[str],
    classes: Sequence[str] | None,
) -> None:
    """Write ``score.html`` and ``figures/``; the strongest examples first, at most 200 of them with their pictures."""
    picture = judged_picture(summary.source, classes, examples, measured)
    save(picture, folder.path / "figures" / "judged")
    dots = save(
        judged_picture(summary.source, classes, examples, measured, alone=True), folder.path / "figures" / "strength"
    )
    rows = _rows(examples, measured, classes)
    by_id = {row["example"]: row for row in rows}
    heroes = [_hero(by_id[name], examples) for name in telling(measured)]
    band = Band(measured.natural_ranges["ca1"], float(measured.strength["ca1"].max() or 0))  # type: ignore[arg-type]
    page = render(
        "score.html.j2",
        summary=summary,
        notes=notes,
        heroes=heroes,
        sentence=pair_sentence(heroes, band.most, summary.natural_images),
        natural=band,
        dots=data_uri(dots),
        surrogates=() if measured.surrogates is None else measured.surrogates.names,
        predicted=measured.predicted is not None,
        rows=[{**row, **_thumbnails(examples, row["position"], _SIDE)} for row in rows[:_SHOWN]],
        total=len(rows),
    )
    replace_text(folder.path / "score.html", page)


def _hero(row: dict[str, Any], examples: Examples) -> Hero:
    return Hero(
        **_thumbnails(examples, row["position"], LARGE),
        label=row["label_name"],
        predicted=row["predicted_name"],
        note="",
        confidence=row["confidence"],
        ca1=row["ca1"],
        fooled=(sum(row["victims"].values()), len(row["victims"])) if row["victims"] else None,
        over_optimized=row["over_optimized"],
        disguised=row["disguised"],
    )


def _rows(examples: Examples, measured: MeasuredExamples, classes: Sequence[str] | None) -> list[dict[str, Any]]:
    namer = class_namer(classes)
    fooled = _by_example(measured.transfers, "victim", "misclassified")
    survived = _by_example(measured.survival, "distortion", "fooled")
    table = measured.strength.with_row_index("position").sort("rank", "example", nulls_last=True)
    return [
        {
            **row,
            "label_name": namer(row["label"]),
            "predicted_name": namer(row["predicted"]),
            "victims": fooled.get(row["example"], {}),
            "distortions": survived[row["example"]],
        }
        for row in table.iter_rows(named=True)
    ]


def _by_example(table: pl.DataFrame, key: str, flag: str) -> dict[str, dict[str, bool]]:
    found: dict[str, dict[str, bool]] = {}
    for row in table.iter_rows(named=True):
        found.setdefault(row["example"], {})[row[key]] = row[flag]
    return found


def _thumbnails(examples: Examples, position: int, side: int) -> dict[str, Any]:
    changed = rounding(examples.adversarial[position : position + 1])[0]
    clean = examples.clean.images[position]
    return {name: thumbnail(to_picture(image), side) for name, image in (("image", changed), ("clean", clean))}
