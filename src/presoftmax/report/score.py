"""The page of a scoring: thumbnails, scores, verdicts, and two rankings side by side."""

from base64 import b64encode
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import polars as pl
from PIL import Image
from torch import Tensor

from presoftmax.data import to_picture
from presoftmax.report.figures import class_namer
from presoftmax.report.html import render
from presoftmax.storage import RunFolder, replace_text
from presoftmax.strength import Examples, MeasuredExamples, rounding

__all__ = ["write_strength"]

_SHOWN = 200
_SIDE = 96


def write_strength(
    folder: RunFolder,
    examples: Examples,
    measured: MeasuredExamples,
    summary: dict[str, Any],
    warnings: Sequence[str],
    classes: Sequence[str] | None,
) -> None:
    """Write ``score.html``; the strongest examples first, at most 200 of them with their pictures."""
    table = measured.strength.with_row_index("position").sort("rank", "example")
    pixels = rounding(examples.adversarial)
    namer = class_namer(classes)
    fooled = _by_example(measured.transfers, "victim", "misclassified")
    survived = _by_example(measured.survival, "distortion", "fooled")
    rows = [
        {
            **row,
            "image": _thumbnail(pixels[row["position"]]),
            "clean": _thumbnail(examples.clean.images[row["position"]]),
            "label_name": namer(row["label"]),
            "predicted_name": namer(row["predicted"]),
            "victims": fooled.get(row["example"], {}),
            "distortions": survived[row["example"]],
        }
        for row in table.head(_SHOWN).iter_rows(named=True)
    ]
    page = render("score.html.j2", summary=summary, warnings=warnings, rows=rows, total=table.height)
    replace_text(folder.path / "score.html", page)


def _by_example(table: pl.DataFrame, key: str, flag: str) -> dict[str, dict[str, bool]]:
    found: dict[str, dict[str, bool]] = {}
    for row in table.iter_rows(named=True):
        found.setdefault(row["example"], {})[row[key]] = row[flag]
    return found


def _thumbnail(image: Tensor) -> str:
    """An image uint8 ``(3, H, W)`` as a small PNG in an address."""
    picture = to_picture(image)
    small = picture.width < _SIDE
    picture = picture.resize((_SIDE, _SIDE), Image.Resampling.NEAREST if small else Image.Resampling.LANCZOS)
    file = BytesIO()
    picture.save(file, format="PNG")
    return f"data:image/png;base64,{b64encode(file.getvalue()).decode()}"
