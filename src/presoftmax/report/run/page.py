"""The report of a run folder: figures as PNG and SVG, and one HTML page that needs nothing else."""

from typing import Any

import numpy as np
import polars as pl
from matplotlib.figure import Figure
from PIL import Image

from presoftmax.analysis import (
    by_iteration,
    clean_transfers,
    halted_at,
    saturated_from,
    summarize,
    transfer_by_iteration,
    transfer_curves,
)
from presoftmax.report.figures import (
    Picture,
    choose_iterations,
    class_namer,
    gallery_figure,
    in_order,
    iterations_figure,
    save,
    transfer_figure,
)
from presoftmax.report.html import data_uri, render
from presoftmax.report.run._heroes import RunHeroes
from presoftmax.report.run.sentences import sentences
from presoftmax.report.run.table import short_table
from presoftmax.storage import RunFolder, replace_text
from presoftmax.text import file_name, printable

__all__ = ["write_report"]

_STRIPS = 2


def write_report(folder: RunFolder) -> tuple[str, ...]:
    """Write ``figures/`` and ``report.html`` from what is in the folder; returns the sentences of the report."""
    steps, transfers, summary = folder.steps(), folder.transfers(), folder.summary()
    attacks = steps["attack"].unique(maintain_order=True).to_list()
    said = sentences([summarize(_of(steps, attack), _of(transfers, attack)) for attack in attacks])
    victims = summary["victims"]
    shares = in_order(transfer_by_iteration(transfers), "victim", victims)
    figures = {"iterations": iterations_figure(in_order(by_iteration(steps), "attack", attacks), shares)}
    for attack in attacks:
        if victims:
            curves = in_order(transfer_curves(_of(steps, attack), _of(transfers, attack)), "victim", victims)
            title = f"{printable(attack)}: logit and confidence against black-box transferability"
            figures[f"transfer-{attack}"] = transfer_figure(curves, title)
        figures[f"gallery-{attack}"] = _gallery(folder, attack, _of(steps, attack), summary)
    heroes = RunHeroes(folder, steps, transfers, summary)
    figures["strength"] = heroes.figure()
    folder_of_figures = folder.path / "figures"
    drawn = {name: data_uri(save(figure, folder_of_figures / file_name(name))) for name, figure in figures.items()}
    page = _page(steps, transfers, summary, attacks, said, drawn, heroes)
    replace_text(folder.path / "report.html", page)
    return said


def _of(frame: pl.DataFrame, attack: str) -> pl.DataFrame:
    return frame.filter(pl.col("attack") == attack)


def _gallery(folder: RunFolder, attack: str, steps: pl.DataFrame, summary: dict[str, Any]) -> Figure:
    strips = []
    for number, example in enumerate(summary["examples"]):
        rows = steps.filter(pl.col("example") == example).sort("iteration").to_dicts()
        shown = [row for row in rows if folder.image_path(attack, number, example, row["iteration"]).is_file()]
        if shown and shown[0]["iteration"] == 0:
            strips.append([_picture(folder, attack, number, row) for row in choose_iterations(shown)])
        if len(strips) == _STRIPS:
            break
    return gallery_figure(
        strips, class_namer(summary["classes"]), f"{printable(attack)}: the same photos, further and further optimized"
    )


def _picture(folder: RunFolder, attack: str, number: int, row: dict[str, Any]) -> Picture:
    path = folder.image_path(attack, number, row["example"], row["iteration"])
    with Image.open(path) as image:
        return Picture(np.array(image), row)


def _page(
    steps: pl.DataFrame,
    transfers: pl.DataFrame,
    summary: dict[str, Any],
    attacks: list[str],
    said: tuple[str, ...],
    figures: dict[str, str],
    heroes: RunHeroes,
) -> str:
    return render(
        "report.html.j2",
        summary=summary,
        attacks=attacks,
        sentences=said,
        heroes=heroes,
        table=short_table(summary),
        removed=in_order(in_order(_removed(transfers), "victim", summary["victims"]), "attack", attacks).to_dicts(),
        halted=in_order(_halted(steps), "attack", attacks).to_dicts(),
        useless=in_order(_useless(steps), "attack", attacks).to_dicts(),
        figures=figures,
    )


def _removed(transfers: pl.DataFrame) -> pl.DataFrame:
    """How many examples cleaning takes out, for each attack and victim."""
    counts = (~pl.col("kept")).sum().alias("removed"), (~pl.col("finite")).sum().alias("not_finite")
    kept = clean_transfers(transfers).group_by("attack", "victim", maintain_order=True)
    return kept.agg(pl.len().alias("examples"), *counts)


def _useless(steps: pl.DataFrame) -> pl.DataFrame:
    """For how many examples confidence became useless, for each attack, and from when on; vanished gradients."""
    at = pl.col("saturated_from")
    counts = at.is_not_null().sum().alias("saturated"), at.min().alias("first"), at.median().alias("median")
    useless = saturated_from(steps).group_by("attack", maintain_order=True).agg(pl.len().alias("examples"), *counts)
    vanished = steps.group_by("attack").agg(pl.col("example").filter("gradient_vanished").n_unique().alias("vanished"))
    return useless.join(vanished, on="attack", maintain_order="left")


def _halted(steps: pl.DataFrame) -> pl.DataFrame:
    """How many trajectories halted, for each attack, and when."""
    at = pl.col("halted_at")
    halts = halted_at(steps).group_by("attack", maintain_order=True)
    return halts.agg(pl.len().alias("examples"), at.is_not_null().sum().alias("halted"), at.median().alias("median"))
