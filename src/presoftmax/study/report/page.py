"""``report.html``, the figures, ``claims.json`` and ``prediction.json`` of a study, from its folder alone."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from presoftmax.analysis.prediction import Strictness
from presoftmax.report import data_uri, render
from presoftmax.report.figures import class_namer, save
from presoftmax.storage import remove_unfinished, replace_file, replace_text
from presoftmax.study import Results, StudySummary, claims_content, noise_rows, ranking_rows, summarize, throughput
from presoftmax.study.report.claims import ClaimRow, claim_rows
from presoftmax.study.report.explorer import write_study_explorer
from presoftmax.study.report.figures import study_figures
from presoftmax.study.report.opening import opening_rows, opening_sentence
from presoftmax.study.report.prediction import method_rows, write_prediction
from presoftmax.text import file_name

__all__ = ["StudyReport", "write_study_report"]


@dataclass(frozen=True)
class StudyReport:
    """What was written, what it was made from, and the claims table in words."""

    page: Path
    claims: Path
    summary: StudySummary
    rows: tuple[ClaimRow, ...]


def write_study_report(results: Results) -> StudyReport:
    """Write ``report/`` in the study's folder: ``report.html``, ``claims.json``, ``curves.parquet``, figures."""
    summary = summarize(results)
    folder = results.folder.path / "report"
    remove_unfinished(folder)
    rows = tuple(claim_rows(summary.claims))
    content = json.dumps(claims_content(results, summary.claims), indent=1, allow_nan=False)
    replace_text(folder / "claims.json", content + "\n")
    replace_file(folder / "curves.parquet", summary.curves.write_parquet)
    figures = []
    for name, caption, figure in study_figures(results, summary, class_namer(_classes(results))):
        stem = folder / "figures" / file_name(name)
        figures.append({"image": data_uri(save(figure, stem)), "caption": caption})
    prediction = write_prediction(folder, summary.evaluation)
    replace_text(folder / "report.html", _page(results, summary, rows, figures, prediction))
    write_study_explorer(results)
    return StudyReport(folder / "report.html", folder / "claims.json", summary, rows)


def _classes(results: Results) -> list[str] | None:
    selection = results.folder.selection() or {}
    names: list[str] | None = selection.get("classes")
    return names


def _page(
    results: Results,
    summary: StudySummary,
    rows: tuple[ClaimRow, ...],
    figures: list[dict[str, str]],
    prediction: list[dict[str, str]],
) -> str:
    receipts = results.receipts()
    opening = opening_rows(summary)
    return render(
        "study.html.j2",
        title=results.config.title,
        config=results.config.values(),
        selection=results.folder.selection(),
        versions=results.folder.about()["versions"],
        variants=(results.folder.variants() or {}).get("variants", {}),
        opening=opening,
        opening_sentence=opening_sentence(opening),
        rows=rows,
        figures=figures,
        predicted=[{"found": each, "methods": method_rows(each)} for each in summary.evaluation.criteria],
        strictnesses=list(Strictness),
        prediction_figures=prediction,
        transfer=summary.transfer,
        matrices=_matrices(summary.transfer),
        trajectories=summary.trajectories,
        noise=noise_rows(summary.noise),
        rankings=ranking_rows(summary),
        throughput=throughput(receipts),
        models=results.names.labels,
        nothing_left=summary.nothing_left,
        halved=[str(unit) for unit, receipt in receipts if receipt.get("batch_halved")],
    )


def _matrices(transfer: list[dict[str, Any]]) -> dict[str, dict[str, dict[str, dict[str, Any]]]]:
    """Per attack, source and victim: the row of the transfer table."""
    found: dict[str, dict[str, dict[str, dict[str, Any]]]] = {}
    for row in transfer:
        found.setdefault(row["attack"], {}).setdefault(row["source"], {})[row["victim"]] = row
    return found
