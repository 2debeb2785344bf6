"""Showing what transfer can be told from."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from presoftmax.choices import Criterion
from presoftmax.cli.display import plain_table, quiet, say, terminal
from presoftmax.study import StudyFolder

if TYPE_CHECKING:
    from presoftmax.analysis.prediction import CriterionEvaluation, LeftOut

__all__ = ["show_evaluation", "show_fit"]


def show_fit(study: Path, out: Path, criterion: Criterion, clean_victim: bool) -> None:
    """Fit a predictor and say what it is worth."""
    StudyFolder.open(study)
    from presoftmax.workflows import fit_predictor

    with quiet("reading the tables, fitting"):
        predictor = fit_predictor(study, out, criterion.value, clean_victim)
    console, about = terminal(), predictor.about
    say(
        console,
        f"fitted to {about.trials:,} examples shown to {len(about.victims)} victims, of {about.images} images, "
        f"{len(about.attacks)} attacks and {len(about.sources)} sources; {100 * about.base_rate:.0f} % transferred",
    )
    if predictor.left_out is None:
        say(console, "not evaluated: with one source or one attack nothing can be left out of the fit")
    else:
        say(console, f"on what was left out of fits: {_worth(predictor.left_out)}")
    if predictor.tells is False:
        say(console, "it ranks no better than chance what it was not fitted on: the interval contains 0.5")
    say(console, f"\nThe predictor is {out}")


def show_evaluation(study: Path, predictor: Path | None, as_json: bool) -> None:
    """Print how well each method ranks transfer, or one JSON object."""
    StudyFolder.open(study)
    from presoftmax.workflows import evaluate_prediction

    with quiet("reading the tables, fitting what leaves out what it is asked about"):
        done = evaluate_prediction(study, predictor)
    if as_json:
        print(json.dumps(done.values(), allow_nan=False))
        return
    console = terminal()
    for found in done.evaluation.criteria:
        _print(found)
    if done.predictor is not None:
        say(console, f"{predictor}: {_worth(done.predictor)}")
        if done.fitted_to:
            known = ", ".join(done.fitted_to)
            say(console, f"it was fitted to victims of this study ({known}): of these the numbers are no test")
    say(console, f"\nTables and figures are in {done.folder / 'prediction'}")


def _print(found: "CriterionEvaluation") -> None:
    from presoftmax.analysis.prediction import Strictness
    from presoftmax.study.report import drawn_from, method_rows

    console = terminal()
    say(
        console,
        f"{found.criterion}: {found.trials:,} examples shown to one of {found.victims} victims, of "
        f"{drawn_from(found)}; {100 * found.base_rate:.0f} % transferred",
    )
    table = plain_table(("area under the ROC curve", *Strictness), left=("area under the ROC curve",), overflow="fold")
    for row in method_rows(found):
        table.add_row(row.method, *row.areas)
    console.print(table)
    if found.calibration_error is not None:
        say(console, f"calibration error of the fitted probability: {found.calibration_error:.3f}")
    console.print()


def _worth(found: "LeftOut") -> str:
    area = "nothing to rank" if found.area is None else f"area under the ROC curve {found.area:.2f}"
    interval = "" if found.low is None else f" [{found.low:.2f}, {found.high:.2f}]"
    error = "" if found.calibration_error is None else f", calibration error {found.calibration_error:.3f}"
    return f"{area}{interval}{error}"
