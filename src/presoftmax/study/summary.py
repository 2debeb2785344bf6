"""One pass over a study's trajectories: its claims, its curves, and the plain counts beside them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from presoftmax.analysis import Trajectories, curves_of, last_true
from presoftmax.analysis.claims import CLAIM_COLUMNS, StudyClaims, judge
from presoftmax.analysis.prediction import Evaluation, evaluate
from presoftmax.errors import StudyError
from presoftmax.printing import Printed
from presoftmax.study.points import points_of
from presoftmax.study.results import Results
from presoftmax.study.units import Unit

__all__ = ["StudySummary", "noise_rows", "ranking_rows", "summarize", "throughput"]

_MOST_TRIALS = 60_000
"""Of each criterion, in a report: `presoftmax predict evaluate` takes all of them, and minutes."""


@dataclass(frozen=True, repr=False)
class StudySummary(Printed):
    """What a study came to.

    Attributes:
        claims: every claim measured.
        evaluation: how well transfer can be told before it happens.
        curves: rows of `presoftmax.analysis.transfer_curves`, attacks and sources in the order of the study.
        transfer: one row per attack, source, victim: examples, those misclassified and targeted at the end (shares and
            counts), how many cleaning removes.
        trajectories: one row per attack and source: examples, those left out, saturated, halted (and when, median);
            at the end how many fool the source and have a confidence of exactly 1, and the median misclassification
            log-odds.
        noise: one row per attack, source, victim, shown iteration: transfer, noise rate, excess; empty without noise.
        nothing_left: attacks on sources of which every example was left out, because some answer was not finite.
    """

    claims: StudyClaims
    evaluation: Evaluation
    curves: pl.DataFrame
    transfer: list[dict[str, Any]]
    trajectories: list[dict[str, Any]]
    noise: pl.DataFrame
    nothing_left: tuple[str, ...]


def summarize(results: Results) -> StudySummary:
    """Compute everything that a study's report shows, one attack and source at a time."""
    own = results.own_scores()
    curves: list[pl.DataFrame] = []
    transfer: list[dict[str, Any]] = []
    trajectories: list[dict[str, Any]] = []
    noise: list[pl.DataFrame] = []
    nothing_left: list[str] = []

    def seen() -> Iterator[Trajectories]:
        for t in results.trajectories((*CLAIM_COLUMNS, *own)):
            if len(t) == 0:
                nothing_left.append(f"{t.attack} on {t.source}")
                continue
            curves.append(curves_of(t))
            transfer.extend(_transfer(t))
            trajectories.append(_trajectories(t))
            table = results.noise(t.attack, t.source)
            if table is not None:
                noise.append(_noise(t, table))
            yield t

    evaluation = evaluate(points_of(results), most=_MOST_TRIALS)
    claims = judge(seen(), results.evidence(), own, evaluation)
    if not trajectories:
        raise StudyError(f"{results.folder.path}: every example was left out; some model's answers are not finite")
    shown = pl.concat(noise) if noise else pl.DataFrame()
    return StudySummary(claims, evaluation, pl.concat(curves), transfer, trajectories, shown, tuple(nothing_left))


def _keys(t: Trajectories) -> dict[str, Any]:
    return {"attack": t.attack, "source": t.source}


def _transfer(t: Trajectories) -> Iterator[dict[str, Any]]:
    for victim, by_criterion in t.transferred.items():
        wrong, targeted = by_criterion["misclassified"][:, -1], by_criterion.get("targeted")
        yield {
            **_keys(t),
            "victim": victim,
            "examples": len(t),
            "misclassified": float(wrong.mean()),
            "misclassified_hits": int(wrong.sum()),
            "targeted": None if targeted is None else float(targeted[:, -1].mean()),
            "targeted_hits": None if targeted is None else int(targeted[:, -1].sum()),
            "removed": int((~wrong).sum()),
        }


def _trajectories(t: Trajectories) -> dict[str, Any]:
    fooled, last_move = t.fooled, last_true(t.steps["changed"] > 0)
    halted = last_move < len(t.iterations) - 1
    return {
        **_keys(t),
        "examples": len(t),
        "left_out": len(t.broken),
        "fooled": float(fooled[:, -1].mean()),
        "ever_fooled": float(fooled.any(axis=1).mean()),
        "misclassified_hits": int((t.values("true_margin")[:, -1] > 0).sum()),
        "exactly_one_hits": int(t.steps["saturated"][:, -1].sum()),
        "median_log_odds": float(np.median(t.values("misclassification_log_odds")[:, -1])),
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


def noise_rows(noise: pl.DataFrame) -> list[dict[str, Any]]:
    """The control at the last iteration, and where it stood about half-way in the logarithm of the iterations."""
    if noise.height == 0:
        return []
    keys = ["attack", "source", "victim"]
    shown = noise.filter(pl.col("iteration") > 0).sort("iteration")
    rows = []
    for _, part in shown.group_by(keys, maintain_order=True):
        rows += [part.row(part.height // 2, named=True), part.row(-1, named=True)]
    return rows


def ranking_rows(summary: StudySummary) -> list[dict[str, Any]]:
    """Per attack and score: the correlations averaged over the pairs at which they are defined."""
    attacks = dict.fromkeys(attack for attack, _, _ in summary.claims.rankings)
    rows = []
    for attack in attacks:
        mine = [ranking for (name, _, _), ranking in summary.claims.rankings.items() if name == attack]
        for score in dict.fromkeys(name for ranking in mine for name in ranking.across):
            across = [r.across_mean[score] for r in mine if r.across_mean.get(score) is not None]
            within = [r.within[score] for r in mine if r.within.get(score) is not None]
            rows.append({"attack": attack, "score": score, "across": _mean(across), "within": _mean(within),
                         "pairs": len(mine), "across_pairs": len(across), "within_pairs": len(within)})  # fmt: skip
    return rows


def _mean(values: list[Any]) -> float | None:
    return sum(values) / len(values) if values else None


def throughput(receipts: list[tuple[Unit, dict[str, Any]]]) -> list[dict[str, Any]]:
    """Per attack and source: image-iterations a second, and where."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for unit, receipt in receipts:
        groups.setdefault((unit.attack, unit.source), []).append(receipt)
    return [
        {
            "attack": attack,
            "source": source,
            "seconds": sum(each["seconds"] for each in group),
            "image_iterations": sum(each["image_iterations"] for each in group),
            "device": ", ".join(dict.fromkeys(each["device"] for each in group)),
            "threads": ", ".join(dict.fromkeys(str(each["threads"]) for each in group)),
            "batch": ", ".join(dict.fromkeys(str(each["batch_size"]) for each in group)),
        }
        for (attack, source), group in groups.items()
    ]
