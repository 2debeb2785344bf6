"""Keep what a defense was found to be worth: tables as Markdown, figures.

    python results/defense/publish.py GUARD_FOLDER NAME

Writes ``results/defense/NAME.md`` and ``NAME-*.png`` from the folder that ``presoftmax guard evaluate`` made.
"""

import json
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
MOMENTS = ("first fools", "first prints 1.00", "given")
HEAD = """# {title}

Made with `presoftmax guard evaluate results/defense/{name}.toml --out OUT` (in the folder that its paths are relative
to), then `python results/defense/publish.py OUT {name}`. Detectors fitted to {fitted} natural images, shares of natural
images of {held_out} others, {images} attacked. What the rows mean, and what follows, is in
[docs/defense.md](../../docs/defense.md).

"""


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines) + "\n"


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def percent(value: float) -> str:
    return str(round(100 * value))


def bounds(pair: Sequence[float] | None, of: int = 100) -> str:
    if pair is None:
        return ""
    return f" [{pair[0]:.2f}, {pair[1]:.2f}]" if of == 1 else f" [{round(of * pair[0])}, {round(of * pair[1])}]"


def found(summary: Mapping[str, Any], moment: str) -> str:
    """Area under the ROC curve and share found at 1 %, means over the sources, a column for each attack."""
    rows = [each for each in summary["detections"] if each["moment"] == moment]
    attacks = list(dict.fromkeys(each["attack"] for each in rows))
    if not attacks:
        return ""
    lines = []
    for detector in dict.fromkeys(each["detector"] for each in rows):
        cells = []
        for attack in attacks:
            of = [each for each in rows if (each["detector"], each["attack"]) == (detector, attack)]
            at_one = [e["found"][0] for e in of if e["found"][0] is not None]
            share = f" / {percent(mean(at_one))}" if at_one else " / –"
            cells.append(f"{mean([e['area'] for e in of]):.2f}{share}" if of else "–")
        lines.append([detector, *cells])
    title = f"## Images that were {moment}" if moment == "given" else f"## When an image {moment}"
    return f"{title}: area / found at 1 % (in %)\n\n{table(['detector', *attacks], lines)}"


def along(summary: Mapping[str, Any], detector: str, iterations: Sequence[int]) -> str:
    """One detector at some iterations, with intervals, for each source."""
    rows = [
        each
        for each in summary["detections"]
        if each["detector"] == detector
        and (each["moment"] in MOMENTS or (each["iteration"] is not None and each["iteration"] in iterations))
    ]
    lines = [
        [
            each["source"],
            each["attack"],
            each["moment"] if each["iteration"] is None else f"iteration {each['iteration']}",
            str(each["images"]),
            f"{each['area']:.2f}{bounds(each['area_interval'], 1)}",
            *(
                "–" if f is None else f"{percent(f)}{bounds(i)}"
                for f, i in zip(each["found"], each["found_intervals"], strict=True)
            ),
        ]
        for each in rows
    ]
    heads = ["source", "attack", "when", "images", "area", "found at 1 %", "at 5 %"]
    return f"## {detector}, source by source\n\n{table(heads, lines)}"


def controls(summary: Mapping[str, Any]) -> str:
    """Share flagged at 5 % and at 1 %, the largest of the sources."""
    names = list(dict.fromkeys(each["control"] for each in summary["controls"]))
    lines = []
    for detector in dict.fromkeys(each["detector"] for each in summary["controls"]):
        of = [each for each in summary["controls"] if each["detector"] == detector]
        cells = []
        for name in names:
            at = [[e["flagged"] for e in of if (e["control"], e["fpr"]) == (name, fpr)] for fpr in (0.05, 0.01)]
            bad = any(e["unfit"] for e in of if e["control"] == name)
            shares = " / ".join(percent(max(shares)) if shares else "–" for shares in at)
            cells.append(f"**{shares}**" if bad else shares)
        lines.append([detector, *cells])
    return (
        "## Harmless images flagged at 5 % / 1 % (in %, the largest of the sources; bold: unfit)\n\n"
        f"{table(['detector', *names], lines)}"
    )


def prices(summary: Mapping[str, Any]) -> str:
    """Every attacker against every detector at 5 %, for each attack, means over the sources."""
    parts = []
    for attack in dict.fromkeys(each["attack"] for each in summary["prices"]):
        groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
        for each in summary["prices"]:
            if each["attack"] == attack:
                groups.setdefault((each["detector"], each["attacker"]), []).append(each)
        lines = []
        for (detector, attacker), both in sorted(groups.items()):
            of, loose = ([e for e in both if e["fpr"] == fpr] for fpr in (0.05, 0.5))
            low, high = (mean([e["cost_interval"][end] for e in of]) for end in (0, 1))
            lines.append(
                [
                    detector,
                    attacker,
                    percent(mean([e["passed"] for e in of])),
                    percent(mean([e["passed"] for e in loose])),
                    percent(mean([e["transferred"] for e in of])),
                    percent(mean([e["transferred_undefended"] for e in of])),
                    f"{percent(mean([e['cost'] for e in of]))}{bounds((low, high))}",
                ]
            )
        heads = ["detector", "attacker", "passes at 5 %", "at 50 %", "transfer", "undefended", "cost in points"]
        parts.append(f"## The price: {attack} (in %)\n\n{table(heads, lines)}")
    return "".join(parts)


def main(folder: Path, name: str) -> None:
    summary = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    figures = []
    for figure in sorted((folder / "figures").glob("*.png")):
        shutil.copyfile(figure, HERE / f"{name}-{figure.name}")
        figures.append(f"![{figure.stem.replace('-', ' ')}]({name}-{figure.name})\n")
    images = max((each["images"] for each in summary["prices"]), default=0)
    head = HEAD.format(name=name, images=images, **{k: summary[k] for k in ("title", "fitted", "held_out")})
    said = "".join(f"* {sentence}\n" for sentence in summary["sentences"])
    body = [prices(summary), controls(summary), *(found(summary, moment) for moment in MOMENTS)]
    text = head + said + "\n" + "".join(body) + along(summary, "fisher", (16, 17, 40)) + "\n".join(figures)
    (HERE / f"{name}.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
