"""How much transfers at each level of strength: where the bounds of `presoftmax.strength.LEVELS` come from.

    python results/levels.py STUDY_FOLDER ...

Every example, iteration and victim of finished studies at which the source is fooled. Writes ``results/levels.md``.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from presoftmax.analysis import ROUNDS, quantiles, resampled_counts
from presoftmax.strength import BARELY, DEEPLY, level_of
from presoftmax.study import Results, StudyFolder
from presoftmax.tables import NOT_FINITE

HERE = Path(__file__).parent
BOUNDS = (1.0, BARELY, 5.3, 10.0, DEEPLY, 25.0, 40.0)
HEADINGS = (
    "misclassification log-odds", "level", "images", "examples and iterations", "mean confidence", "transfer",
    "95 % interval",
)  # fmt: skip


ABOUT = """# What transfers at each level

Made with `python results/levels.py STUDY_FOLDER ...` of the studies named below. Every example and iteration at which
the source is fooled, and each victim; the interval is by bootstrap over the images, each with all of its rows.
A row of few images can be one trajectory that stood still there.
"""


def main(folders: Sequence[Path]) -> None:
    parts = [ABOUT]
    for folder in folders:
        results = Results.of(StudyFolder.open(folder))
        parts.append(f"\n## {results.config.title}\n")
        for kind in sorted({attack for attack, _ in results.groups()}, reverse=True):
            rows = pl.concat([_rows(results, attack, source) for attack, source in results.groups() if attack == kind])
            parts += [f"\n{kind}, all sources and victims\n", _table(rows)]
    (HERE / "levels.md").write_text("\n".join(parts) + "\n", encoding="utf-8")


def _rows(results: Results, attack: str, source: str) -> pl.DataFrame:
    """Per example, iteration and victim: the source's log-odds and confidence, and whether the victim is fooled."""
    steps = results.steps(attack, source).filter(
        (pl.col("iteration") > 0) & (pl.col("predicted") != pl.col("label")) & (pl.col("predicted") != NOT_FINITE)
    )
    keys = ["example", "iteration"]
    ours = steps.select(*keys, "confidence", "misclassification_log_odds")
    shown = results.transfers(attack, source).select(*keys, "victim", "misclassified")
    return ours.join(shown, on=keys).collect()


def _table(rows: pl.DataFrame) -> str:
    at = np.searchsorted(BOUNDS, rows["misclassification_log_odds"].to_numpy(), side="right")
    lines = [f"| {' | '.join(HEADINGS)} |", f"| {' | '.join('---' for _ in HEADINGS)} |"]
    for number in range(len(BOUNDS) + 1):
        part = rows.filter(at == number)
        if part.height:
            lines.append(f"| {' | '.join(_cells(number, part))} |")
    return "\n".join(lines)


def _cells(number: int, part: pl.DataFrame) -> list[str]:
    low = f"{BOUNDS[number - 1]:g}" if number else ""
    high = f"{BOUNDS[number]:g}" if number < len(BOUNDS) else ""
    bounds = f"{low} to {high}" if low and high else f"below {high}" if high else f"{low} and more"
    level = level_of(BOUNDS[number - 1] if number else 0.0)
    by_image = part.group_by("example", maintain_order=True).agg(pl.col("misclassified").mean(), pl.len())
    share = float(part["misclassified"].cast(pl.Float64).mean())
    return [
        bounds, level, str(by_image.height), f"{part.height / part['victim'].n_unique():.0f}",
        f"{part['confidence'].mean():.3f}", f"{100 * share:.0f} %", _interval(by_image),
    ]  # fmt: skip


def _interval(by_image: pl.DataFrame) -> str:
    """Of the share over all rows: images are drawn, each with all of its rows."""
    fooled = (by_image["misclassified"] * by_image["len"]).to_numpy()
    drawn = resampled_counts(by_image.height, ROUNDS)
    ends = quantiles(drawn @ fooled / (drawn @ by_image["len"].to_numpy()))
    return f"{100 * ends[0]:.0f} to {100 * ends[1]:.0f} %" if ends and by_image.height > 1 else "–"


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main([Path(argument) for argument in sys.argv[1:]])
