"""``report.html``, the figures and ``claims.json`` of a study, from its folder alone."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from presoftmax.analysis import BASELINES, RANKED
from presoftmax.report.figures.gallery import class_namer
from presoftmax.report.figures.style import save
from presoftmax.report.html import data_uri, render
from presoftmax.report.study.claims import ClaimRow, claim_rows, show_value
from presoftmax.report.study.figures import study_figures
from presoftmax.storage import replace_file, replace_text
from presoftmax.study import Overview, Results, Unit, claims_content, look_over

__all__ = ["StudyReport", "noise_rows", "ranking_rows", "throughput", "write_study_report"]


@dataclass(frozen=True)
class StudyReport:
    """What was written, what it was made from, and the claims table in words."""

    page: Path
    claims: Path
    overview: Overview
    rows: tuple[ClaimRow, ...]


def write_study_report(results: Results) -> StudyReport:
    """Write ``report/`` in the study's folder: ``report.html``, ``claims.json``, ``curves.parquet``, figures."""
    overview = look_over(results)
    place = results.folder.path / "report"
    place.mkdir(exist_ok=True)
    rows = tuple(claim_rows(overview.claims))
    content = json.dumps(claims_content(results, overview.claims), indent=1, allow_nan=False)
    replace_text(place / "claims.json", content + "\n")
    replace_file(place / "curves.parquet", overview.curves.write_parquet)
    figures = []
    for name, caption, figure in study_figures(results, overview, class_namer(_classes(results))):
        stem = place / "figures" / name.replace("/", "_")
        save(figure, stem)
        figures.append({"image": data_uri(stem.with_suffix(".png")), "caption": caption})
    replace_text(place / "report.html", _page(results, overview, rows, figures))
    return StudyReport(place / "report.html", place / "claims.json", overview, rows)


def _classes(results: Results) -> list[str] | None:
    selection = results.folder.selection() or {}
    names: list[str] | None = selection.get("classes")
    return names


def _page(results: Results, overview: Overview, rows: tuple[ClaimRow, ...], figures: list[dict[str, str]]) -> str:
    receipts = results.receipts()
    return render(
        "study.html.j2",
        title=results.config.title,
        config=results.config.values(),
        selection=results.folder.selection(),
        versions=results.folder.about()["versions"],
        paths=(results.folder.paths() or {}).get("paths", {}),
        rows=rows,
        show=show_value,
        figures=figures,
        transfer=overview.transfer,
        matrices=_matrices(overview.transfer),
        trajectories=overview.trajectories,
        noise=noise_rows(overview.noise),
        rankings=ranking_rows(overview),
        throughput=throughput(receipts),
        models=results.names.tables,
        nothing_left=overview.nothing_left,
        halved=[str(unit) for unit, facts in receipts if facts.get("batch_halved")],
    )


def _matrices(transfer: list[dict[str, Any]]) -> dict[str, dict[str, dict[str, dict[str, Any]]]]:
    """Per attack, source and victim: the row of the transfer table."""
    found: dict[str, dict[str, dict[str, dict[str, Any]]]] = {}
    for row in transfer:
        found.setdefault(row["attack"], {}).setdefault(row["source"], {})[row["victim"]] = row
    return found


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


def ranking_rows(overview: Overview) -> list[dict[str, Any]]:
    """Per attack and score: the correlations averaged over the pairs at which they are defined."""
    attacks = dict.fromkeys(attack for attack, _, _ in overview.claims.rankings)
    rows = []
    for attack in attacks:
        mine = [ranking for (name, _, _), ranking in overview.claims.rankings.items() if name == attack]
        for score in (*RANKED, *BASELINES):
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
    for unit, facts in receipts:
        groups.setdefault((unit.attack, unit.source), []).append(facts)
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
