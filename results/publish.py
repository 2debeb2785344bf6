"""Keep what a finished study came to in this folder: tables as Markdown, claims.json, the figures.

    python results/publish.py STUDY_FOLDER NAME

Writes ``results/NAME/summary.md``, ``claims.json`` and ``figures/*.png`` from the study's folder alone.
"""

import json
import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from presoftmax.study import Results, StudyFolder, StudySummary, noise_rows, ranking_rows, throughput
from presoftmax.study.report import write_study_report

HERE = Path(__file__).parent
LARGE = 900_000


def main(folder: Path, name: str) -> None:
    results = Results.of(StudyFolder.open(folder))
    report = write_study_report(results)
    key = HERE / name
    (key / "figures").mkdir(parents=True, exist_ok=True)
    for figure in (folder / "report" / "figures").glob("*.png"):
        _keep(figure, key / "figures" / figure.name)
    claims = json.loads(report.claims.read_text(encoding="utf-8"))
    # Compact: every measurement, one line for each.
    (key / "claims.json").write_text(_compact(claims) + "\n", encoding="utf-8")
    (key / "summary.md").write_text(_summary(results, report.summary, report.rows, name), encoding="utf-8")


def _keep(figure: Path, target: Path) -> None:
    """Copy a figure; one with photos, which is large, at a half or a quarter of its size."""
    shutil.copyfile(figure, target)
    while target.stat().st_size >= LARGE:
        with Image.open(target) as image:
            smaller = image.convert("RGB").resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS)
        smaller.save(target)


def _compact(claims: dict[str, Any]) -> str:
    claims = json.loads(json.dumps(claims), parse_float=lambda text: float(f"{float(text):.6g}"))
    return json.dumps(claims, indent=1)


def _summary(results: Results, summary: StudySummary, rows: Sequence[Any], name: str) -> str:
    selection = results.folder.selection() or {}
    versions = results.folder.about()["versions"]
    used = throughput(results.receipts())
    parts = [
        f"# {results.config.title}\n",
        f"Made with `presoftmax run results/{name}/study.toml --out OUT` (in the folder that its paths are "
        f"relative to), then `python results/publish.py OUT {name}`.\n",
        f"{len(selection['ids'])} images that every model gets right, of {selection['looked_at']} looked at. "
        f"{', '.join(f'{key} {value}' for key, value in versions.items())}.\n",
        "## Claims\n",
        _table(("", "claim", "verdict", "values", "what was seen"),
               ((r.claim.id, r.claim.title, f"**{r.verdict}**", r.value, r.sentence) for r in rows)),
        "## Transfer\n",
        _table(("attack", "source", "victim", "examples", "misclassified at the end", "as a target",
                "removed by cleaning"),
               ((r["attack"], r["source"], r["victim"], r["examples"], _percent(r["misclassified"]),
                 _percent(r["targeted"]), r["removed"]) for r in summary.transfer)),
        "## Control: noise of the same L2 norm\n",
        _table(("attack", "source", "victim", "iteration", "L2 (grey levels)", "transfer", "noise", "excess"),
               ((r["attack"], r["source"], r["victim"], r["iteration"], f"{r['l2']:.0f}", _percent(r["transfer"]),
                 _percent(r["noise"]), _percent(r["excess"])) for r in noise_rows(summary.noise))),
        "## What ranks strength\n",
        "Spearman correlation with transfer, averaged over the pairs at which it is defined.\n",
        _table(("attack", "score", "across examples", "within trajectories"),
               ((r["attack"], r["score"], _signed(r["across"]), _signed(r["within"])) for r in ranking_rows(summary))),
        "## Trajectories\n",
        _table(("attack", "source", "examples", "a target predicted at the end", "ever saturated", "halted",
                "median halt", "mean CA1", "mean confidence", "mean L2"),
               ((r["attack"], r["source"], r["examples"], _percent(r["fooled"]), r["saturated"], r["halted"],
                 "–" if r["median_halt"] is None else f"{r['median_halt']:.0f}", f"{r['ca1']:.1f}",
                 f"{r['confidence']:.3f}", f"{r['l2']:.0f}") for r in summary.trajectories)),
        "## Throughput\n",
        "On a machine that had other work to do.\n",
        _table(("attack", "source", "image-iterations", "seconds", "device", "threads", "batch"),
               ((r["attack"], r["source"], r["image_iterations"], f"{r['seconds']:.0f}", r["device"], r["threads"],
                 r["batch"]) for r in used)),
    ]  # fmt: skip
    figures = sorted(path.name for path in (HERE / name / "figures").glob("*.png"))
    parts += ["## Figures\n", *(f"![{figure}](figures/{figure})\n" for figure in figures)]
    return "\n".join(parts)


def _table(heading: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = [f"| {' | '.join(heading)} |", f"|{' --- |' * len(heading)}"]
    lines += [f"| {' | '.join(str(cell).replace('|', '/') for cell in row)} |" for row in rows]
    return "\n".join(lines) + "\n"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _signed(value: float | None) -> str:
    return "–" if value is None else f"{value:+.2f}"


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
