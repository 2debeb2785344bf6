"""Showing where softmax saturates."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from rich.table import Table

from presoftmax.cli.display import plain_table, terminal
from presoftmax.models import naming_device
from presoftmax.numerics import SaturationRow, gradient_errors, saturation_table
from presoftmax.report.figures import saturation_figure, save

__all__ = ["show_saturation"]

_COLUMNS = (
    'Gaps between the top logit and equal rivals, found by search: "p = 1" from which the top probability is exactly 1 '
    '(winner first; "last": winner last), "derived" by hand, with its "log-odds"; "p = 0" from which the rivals are '
    'exactly 0; "gradient" from which the derivative of the cross-entropy in the top logit is exactly 0.'
)
_GRADIENT_GAPS = (5.0, 10.0, 15.0, 16.5, 16.65, 50.0, 104.1)


def show_saturation(classes: Sequence[int], device: str | None, figure: Path | None, as_json: bool) -> None:
    """Search on a device, or on each there is, and print tables or JSON; draw the figure where it is wanted."""
    if figure is not None:
        save(saturation_figure(), figure.with_suffix(""))
    here = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    if as_json:
        _print_json(_search(classes, device or "cpu"), device or "cpu")
    else:
        for each in [device] if device else here:
            _print_tables(_search(classes, each), each)


def _search(classes: Sequence[int], device: str) -> list[SaturationRow]:
    with naming_device(device):
        return saturation_table(classes, device)


def _print_json(rows: Sequence[SaturationRow], device: str) -> None:
    finite = [{name: _plain(value) for name, value in asdict(row).items()} for row in rows]
    print(json.dumps({"device": device, "torch": torch.__version__, "rows": finite}))


def _print_tables(rows: Sequence[SaturationRow], device: str) -> None:
    console = terminal()
    console.print(f"torch {torch.__version__} on {device}", highlight=False)
    console.print(_table(rows))
    for line in (_COLUMNS, *(f"({number}) {reason}" for reason, number in _numbered(rows).items())):
        console.print(line, highlight=False)
    console.print(
        "\nThe derivative of the float32 cross-entropy in the top logit of two classes, exact and as computed"
    )
    console.print(_gradient_table(device))


def _plain(value: object) -> object:
    """JSON has no infinity."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _numbered(rows: Sequence[SaturationRow]) -> dict[str, int]:
    """The reasons that occur, each with the number of its note."""
    reasons = dict.fromkeys(row.reason for row in rows if row.reason)
    return {reason: number for number, reason in enumerate(reasons, 1)}


def _table(rows: Sequence[SaturationRow]) -> Table:
    headings = ("format", "classes", "p = 1", "derived", "log-odds", "last", "p = 0", "gradient", "why")
    table = plain_table(headings, left=("format", "why"), no_wrap=True)
    table.padding = (0, 1, 0, 0)
    numbers = _numbered(rows)
    for row in rows:
        gaps = (row.gap_measured, row.gap_derived, row.log_odds_derived, row.gap_measured_last, row.rivals_zero)
        gradient = "" if row.gradient_zero is None else f"{row.gradient_zero:.2f}"
        why = f"({numbers[row.reason]})" if row.reason else ""
        table.add_row(row.format, str(row.classes), *(f"{gap:.2f}" for gap in gaps), gradient, why)
    return table


def _gradient_table(device: str) -> Table:
    table = plain_table(("gap", "exact", "float32", "relative error", "rival's, float32"))
    for row in gradient_errors(_GRADIENT_GAPS, device):
        derivatives = [f"{value:.3e}" for value in (row.exact, row.float32, row.rival_float32)]
        table.add_row(f"{row.gap:g}", *derivatives[:2], f"{row.relative_error:.2g}", derivatives[2])
    return table
