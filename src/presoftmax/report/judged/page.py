"""The page of judged examples: what the confidence hides first, numbers and every example below."""

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import polars as pl
from PIL import Image
from torch import Tensor

from presoftmax.analysis import JudgedSummary
from presoftmax.data import to_picture
from presoftmax.report.figures import class_namer, save
from presoftmax.report.html import data_uri, render
from presoftmax.report.judged.picture import judged_picture, telling
from presoftmax.storage import RunFolder, replace_text
from presoftmax.strength import Examples, MeasuredExamples, rounding

__all__ = ["write_judged_page"]

_SHOWN = 200
_SIDE, _LARGE = 96, 224


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
    page = render(
        "score.html.j2",
        summary=summary,
        survival=_survival(measured),
        notes=notes,
        heroes=[by_id[name] for name in telling(measured)],
        sentence=_sentence([by_id[name] for name in telling(measured)], summary),
        natural=_Band(measured),
        dots=data_uri(dots),
        rows=[{**row, **_thumbnails(examples, row["position"], _SIDE)} for row in rows[:_SHOWN]],
        total=len(rows),
        large={name: _thumbnails(examples, by_id[name]["position"], _LARGE) for name in telling(measured)},
    )
    replace_text(folder.path / "score.html", page)


class _Band:
    """Where bars of CA1 stand against natural images, in percent of the width."""

    def __init__(self, measured: MeasuredExamples) -> None:
        natural = measured.natural_ranges["ca1"]
        most = max(natural["1"], float(measured.strength["ca1"].max() or 0), 1e-9)  # type: ignore[arg-type]
        self.most, self._width = natural["1"], most
        self.low, self.high, self.largest = (self.at(natural[key]) for key in ("0.05", "0.95", "1"))

    def at(self, value: float) -> float:
        """Where a value stands."""
        return 100 * min(max(value / self._width, 0.0), 1.0)


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


def _sentence(heroes: Sequence[dict[str, Any]], summary: JudgedSummary) -> str:
    """What the shown examples say, in words."""
    if len(heroes) < 2:
        return ""
    low, high = heroes[0], heroes[1]
    if f"{low['confidence']:.2f}" != f"{high['confidence']:.2f}":
        return ""
    text = (
        f"Both read confidence {low['confidence']:.2f}. Before the softmax the one stands {low['ca1']:.1f} high, the "
        f"other {high['ca1']:.1f}; the largest of {summary.natural_images} natural images is "
        f"{high['largest_natural_ca1']:.1f}."
    )
    if low["victims"]:
        counts = [sum(each["victims"].values()) for each in (low, high)]
        of = f"of {len(low['victims'])} other models"
        text += (
            f" Each fools {counts[0]} {of}."
            if len(set(counts)) == 1
            else f" They fool {counts[0]} and {counts[1]} {of}."
        )
    return text


def _survival(measured: MeasuredExamples) -> list[tuple[str, int, int]]:
    """Distortion, how many adversarial examples still fool the source after it, of how many."""
    ours = measured.strength.filter("adversarial")["example"].to_list()
    shown = measured.survival.filter(pl.col("example").is_in(ours))
    counts = shown.group_by("distortion", maintain_order=True).agg(pl.col("fooled").sum(), pl.len())
    return [(name, int(fooled), int(of)) for name, fooled, of in counts.iter_rows()]


def _by_example(table: pl.DataFrame, key: str, flag: str) -> dict[str, dict[str, bool]]:
    found: dict[str, dict[str, bool]] = {}
    for row in table.iter_rows(named=True):
        found.setdefault(row["example"], {})[row[key]] = row[flag]
    return found


def _thumbnails(examples: Examples, position: int, side: int) -> dict[str, str]:
    return {
        "image": _thumbnail(rounding(examples.adversarial[position : position + 1])[0], side),
        "clean": _thumbnail(examples.clean.images[position], side),
    }


def _thumbnail(image: Tensor, side: int) -> str:
    """An image uint8 ``(3, H, W)`` as a small PNG in an address."""
    picture = to_picture(image)
    small = picture.width < side
    picture = picture.resize((side, side), Image.Resampling.NEAREST if small else Image.Resampling.LANCZOS)
    file = BytesIO()
    picture.save(file, format="PNG")
    return data_uri(file.getvalue())
