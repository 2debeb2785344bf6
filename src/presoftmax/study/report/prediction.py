"""How well transfer can be told in a study: ``prediction.json``, its tables in Markdown, its figures."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from presoftmax.analysis.prediction import CriterionEvaluation, Evaluation, Ranked, Strictness
from presoftmax.report import data_uri
from presoftmax.report.figures import at_k_figure, reliability_figure, save
from presoftmax.storage import replace_text
from presoftmax.text import no_minus_zero

__all__ = ["MethodRow", "drawn_from", "method_rows", "prediction_markdown", "write_prediction"]


@dataclass(frozen=True)
class MethodRow:
    """A method in words, with its area under the ROC curve at each strictness, as text."""

    method: str
    areas: tuple[str, ...]


def method_rows(found: CriterionEvaluation) -> list[MethodRow]:
    """Every method, in the order of the evaluation."""
    by_method: dict[str, dict[Strictness, Ranked]] = {}
    for each in found.ranked:
        by_method.setdefault(each.method, {})[each.strictness] = each
    return [
        MethodRow(name.replace("_", " "), tuple(_area(areas[s]) for s in Strictness))
        for name, areas in by_method.items()
    ]


def _figures(evaluation: Evaluation) -> Iterator[tuple[str, str, Figure]]:
    """Name, caption and figure."""
    if not evaluation.criteria:
        return
    yield (
        "prediction-at-k",
        "Of the share k of adversarial examples (all attacks on a source) that each method puts first, how many fool "
        "the victim. No method was fitted to that victim, nor asked any of its family; the ceiling was.",
        at_k_figure(evaluation),
    )
    if any(each.reliability for each in evaluation.criteria):
        yield (
            "prediction-reliability",
            "The fitted probability of transfer against what transferred, in tenths of the predictions; image, "
            "victim's family, source and attack were left out of each fit.",
            reliability_figure(evaluation),
        )


def drawn_from(found: CriterionEvaluation) -> str:
    """Of which images an evaluation is, where it is not of all."""
    if found.images == found.all_images:
        return f"{found.images} images"
    return f"{found.images} images, drawn at random of {found.all_images}"


def write_prediction(folder: Path, evaluation: Evaluation) -> list[dict[str, str]]:
    """Write ``prediction.json``, ``prediction.md`` and the figures; gives these with captions, for a page."""
    text = json.dumps(asdict(evaluation), indent=1, allow_nan=False)
    replace_text(folder / "prediction.json", text + "\n")
    replace_text(folder / "prediction.md", prediction_markdown(evaluation))
    return [
        {"image": data_uri(save(figure, folder / "figures" / name)), "caption": caption}
        for name, caption, figure in _figures(evaluation)
    ]


def prediction_markdown(evaluation: Evaluation) -> str:
    """The tables of an evaluation."""
    return "\n".join("\n".join(_criterion(each)) + "\n" for each in evaluation.criteria)


def _criterion(found: CriterionEvaluation) -> Iterator[str]:
    yield f"## {found.criterion}"
    yield ""
    yield (
        f"{found.trials:,} examples shown to one of {found.victims} victims, of {drawn_from(found)}; "
        f"{100 * found.base_rate:.0f} % transferred. Cells: "
        + ", ".join(f"{count} ({name})" for name, count in found.cells.items())
        + "."
    )
    yield ""
    yield f"| area under the ROC curve [95 %] | {' | '.join(Strictness)} |"
    yield f"| --- |{' --- |' * len(Strictness)}"
    for row in method_rows(found):
        yield f"| {row.method} | {' | '.join(row.areas)} |"
    yield ""
    yield f"| the rule, less | {' | '.join(Strictness)} |"
    yield f"| --- |{' --- |' * len(Strictness)}"
    for rival in dict.fromkeys(gain.rival for gain in found.gains):
        cells = (_gain(gain) for gain in found.gains if gain.rival == rival)
        yield f"| {rival} | {' | '.join(cells)} |"
    yield ""
    if found.calibration_error is None:
        yield "No fit could be evaluated: with one source or one attack nothing can be left out of it."
    else:
        yield from _calibration(found)


def _calibration(found: CriterionEvaluation) -> Iterator[str]:
    yield "| calibration error of the fitted probability | |"
    yield "| --- | --- |"
    yield f"| a victim of such a panel | {_number(found.calibration_error)} |"
    yield f"| the same, with the victim's clean margin | {_number(found.calibration_error_given)} |"
    for count, error in found.probed_errors.items():
        probes = f"with {count} labelled probes of it" if count else "without probes"
        given = _number(found.probed_errors_given[count])
        yield f"| one given victim, {probes} (and with its clean margin) | {_number(error)} ({given}) |"
    yield f"| Brier score | {_number(found.brier)} |"


def _area(each: Ranked) -> str:
    if each.value is None:
        return "–"
    return f"{each.value:.2f}" + ("" if each.low is None else f" [{each.low:.2f}, {each.high:.2f}]")


def _gain(each: Any) -> str:
    if each.value is None:
        return "–"
    return no_minus_zero(f"{each.value:+.3f}" + ("" if each.low is None else f" [{each.low:+.3f}, {each.high:+.3f}]"))


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
