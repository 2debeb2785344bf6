"""One pass over a study's trajectories: its claims, its curves, and the plain counts beside them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from presoftmax.analysis import Trajectories, curves_of
from presoftmax.analysis.claims import CLAIM_COLUMNS, StudyClaims, judge
from presoftmax.errors import StudyError
from presoftmax.study.results import Results

__all__ = ["Overview", "look_over"]


@dataclass(frozen=True)
class Overview:
    """What a study came to.

    Attributes:
        claims: every claim measured.
        curves: rows of `presoftmax.analysis.transfer_curves`, attacks and sources in the order of the study.
        transfer: one row per attack, source, victim: examples, the shares misclassified and targeted at the end, how
            many cleaning removes.
        trajectories: one row per attack and source: examples, those left out, saturated, halted (and when, median).
        noise: one row per attack, source, victim, shown iteration: transfer, noise rate, excess; empty without noise.
        nothing_left: attacks on sources of which every example was left out, because some answer was not finite.
    """

    claims: StudyClaims
    curves: pl.DataFrame
    transfer: list[dict[str, Any]]
    trajectories: list[dict[str, Any]]
    noise: pl.DataFrame
    nothing_left: tuple[str, ...]


def look_over(results: Results) -> Overview:
    """Compute everything that a study's report shows, one attack and source at a time."""
    curves: list[pl.DataFrame] = []
    transfer: list[dict[str, Any]] = []
    trajectories: list[dict[str, Any]] = []
    noise: list[pl.DataFrame] = []
    nothing_left: list[str] = []

    def seen() -> Iterator[Trajectories]:
        for t in results.trajectories(CLAIM_COLUMNS):
            if len(t) == 0:
                nothing_left.append(f"{t.attack} on {t.source}")
                continue
            curves.append(curves_of(t))
            transfer.extend(_transfer(t))
            trajectories.append(_trajectories(t, results.aims(t.attack)))
            table = results.noise(t.attack, t.source)
            if table is not None:
                noise.append(_noise(t, table))
            yield t

    claims = judge(seen(), results.evidence())
    if not trajectories:
        raise StudyError(f"{results.folder.path}: every example was left out; some model's answers are not finite")
    shown = pl.concat(noise) if noise else pl.DataFrame()
    return Overview(claims, pl.concat(curves), transfer, trajectories, shown, tuple(nothing_left))


def _keys(t: Trajectories) -> dict[str, Any]:
    return {"attack": t.attack, "source": t.source}


def _transfer(t: Trajectories) -> Iterator[dict[str, Any]]:
    for victim, readings in t.transferred.items():
        wrong, targeted = (readings[reading][:, -1] for reading in ("misclassified", "targeted"))
        yield {
            **_keys(t),
            "victim": victim,
            "examples": len(t),
            "misclassified": float(wrong.mean()),
            "targeted": float(targeted.mean()),
            "removed": int((~wrong).sum()),
        }


def _trajectories(t: Trajectories, aims: bool) -> dict[str, Any]:
    fooled = t.steps["hit"] if aims else t.values("true_margin") > 0
    moved = t.steps["changed"] > 0
    last_move = np.where(moved.any(axis=1), moved.shape[1] - 1 - moved[:, ::-1].argmax(axis=1), 0)
    halted = last_move < moved.shape[1] - 1
    return {
        **_keys(t),
        "examples": len(t),
        "left_out": len(t.broken),
        "fooled": float(fooled[:, -1].mean()),
        "ever_fooled": float(fooled.any(axis=1).mean()),
        "saturated": int((t.saturated_at < len(t.iterations)).sum()),
        "halted": int(halted.sum()),
        "median_halt": float(np.median(t.iterations[last_move[halted]])) if halted.any() else None,
        "ca1": float(t.values("ca1")[:, -1].mean()),
        "confidence": float(t.values("confidence")[:, -1].mean()),
        "l2": float(t.values("l2")[:, -1].mean()),
    }


def _noise(t: Trajectories, table: pl.LazyFrame) -> pl.DataFrame:
    """Transfer beside the rate at which noise of the same length does as much, at the iterations shown."""
    rates = (
        table.filter(pl.col("example").is_in(list(t.examples)))
        .group_by("attack", "source", "victim", "iteration")
        .agg(pl.len().alias("examples"), pl.col("l2").mean(), pl.col("misclassified").mean().alias("noise"))
        .collect()
    )
    column = {int(iteration): i for i, iteration in enumerate(t.iterations)}
    shares = [
        float(t.transferred[row["victim"]]["misclassified"][:, column[row["iteration"]]].mean())
        for row in rates.iter_rows(named=True)
    ]
    return (
        rates.with_columns(pl.Series("transfer", shares, dtype=pl.Float64))
        .with_columns((pl.col("transfer") - pl.col("noise")).alias("excess"))
        .sort("victim", "iteration")
    )
