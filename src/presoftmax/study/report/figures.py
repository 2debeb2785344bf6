"""Figures 1 to 5 of the paper, from a study."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
from matplotlib.figure import Figure
from safetensors import safe_open

from presoftmax.report.figures import Namer, Picture, choose_iterations, gallery_figure, transfer_figure
from presoftmax.storage import read_table
from presoftmax.study import Results, StudySummary
from presoftmax.text import printable

__all__ = ["study_figures"]

_STRIPS = 2
_NAME = 32  # characters of a name that stands in a title beside another


def study_figures(results: Results, summary: StudySummary, namer: Namer) -> Iterator[tuple[str, str, Figure]]:
    """Name, caption and figure, in the order of the paper; further attacks after its two.

    Figures 1 and 2 are drawn on the last source, Figure 3 from the middle source to the last, as in the paper.
    """
    singles, several = _first_attacks(results)
    last = results.names.labels[results.names.sources - 1]
    for number, attack in ((1, singles), (2, several)):
        if attack is not None and (figure := _gallery(results, attack, last, namer)) is not None:
            caption = (
                f"Figure {number} of the paper: images under the {printable(attack)} attack on {printable(last)}; the "
                "original, where the source is first fooled, in between, and at the end. Perturbations are amplified "
                "as stated; gray is unchanged."
            )
            yield f"figure{number}-{attack}", caption, figure
    if summary.curves.height == 0:
        return
    pair = _middle_pair(results)
    chosen = [attack for attack in (singles, several) if attack is not None]
    curves = pl.concat([_of_pair(summary.curves, attack, *pair) for attack in chosen]) if chosen else pl.DataFrame()
    if curves.height:
        title = _title(" to ".join(printable(name, _NAME) for name in pair))
        yield (
            "figure3",
            f"Figure 3 of the paper: the attacks side by side. {_READING}",
            transfer_figure(curves, title, by="attack"),
        )
    columns = len(results.names.labels) - 1
    names = {singles: "figure4", several: "figure5"}
    for attack in dict.fromkeys(attack for attack, _ in results.groups()):
        figure = transfer_figure(_ordered(results, summary.curves, attack), _title(attack), min(3, columns))
        name = names.get(attack, "figure")
        caption = f"Figure {name[-1]} of the paper. " if name != "figure" else ""
        yield f"{name}-{attack}", f"{caption}{printable(attack)}: every ordered pair of models. {_READING}", figure


_READING = (
    "Each point is an iteration. Bold, with the 95 % confidence interval of the mean: the examples that had "
    "transferred at the last iteration (cleaned); they reach 100 % by construction. Dotted: all examples. No curve "
    "stands on fewer than 10 examples."
)


def _title(attack: str) -> str:
    return f"{printable(attack)}: logit and confidence against black-box transferability"


def _first_attacks(results: Results) -> tuple[str | None, str | None]:
    """The first over-optimized and the first multi-class attack: the paper's, in a study of the paper."""
    attacks = results.config.attacks
    kinds = {kind: [a.label for a in attacks if a.kind == kind] for kind in ("over-optimized", "multi-class")}
    first = [next(iter(kinds[kind]), None) for kind in ("over-optimized", "multi-class")]
    return first[0], first[1]


def _middle_pair(results: Results) -> tuple[str, str]:
    names = results.names.labels
    if results.names.sources >= 3:
        return names[1], names[2]
    return (names[0], names[1]) if len(names) > 1 else (names[0], names[0])


def _of_pair(curves: pl.DataFrame, attack: str, source: str, victim: str) -> pl.DataFrame:
    return curves.filter((pl.col("attack") == attack) & (pl.col("source") == source) & (pl.col("victim") == victim))


def _ordered(results: Results, curves: pl.DataFrame, attack: str) -> pl.DataFrame:
    """The curves of an attack, sources and victims in the order of the study."""
    names = results.names.labels
    parts = [_of_pair(curves, attack, source, victim) for source in names for victim in names if source != victim]
    return pl.concat(parts)


def _gallery(results: Results, attack: str, source: str, namer: Namer) -> Figure | None:
    """The first examples of the study at growing CA1; None where their images were not kept."""
    first = next((u for u in results.units if (u.attack, u.source) == (attack, source)), None)
    if first is None or not results.config.gallery:
        return None
    path = results.folder.unit_file(first, "gallery.safetensors")
    steps = read_table(results.folder.unit_file(first, "steps.parquet"))
    examples = results.folder.unit_receipt(first)["examples"][:_STRIPS]
    strips = [_strip(path, position, steps.filter(pl.col("example") == name)) for position, name in enumerate(examples)]
    whole = [strip for strip in strips if strip]
    title = f"{printable(attack)} on {printable(source)}: the same photos, further and further optimized"
    return gallery_figure(whole, namer, title) if whole else None


def _strip(path: Path, position: int, rows: pl.DataFrame) -> list[Picture]:
    with safe_open(path, framework="numpy") as images:
        kept = {int(name) for name in images.keys()}  # noqa: SIM118  it is no dict
        known = [row for row in rows.to_dicts() if row["iteration"] in kept]
        if not known or position >= len(images.get_slice(str(known[0]["iteration"]))[:]):
            return []
        return [
            Picture(np.moveaxis(images.get_slice(str(row["iteration"]))[position], 0, 2), row)
            for row in choose_iterations(known)
        ]
