"""The short table of a run: a few iterations of each attack."""

from dataclasses import dataclass
from typing import Any

__all__ = ["TableRow", "short_table"]

_ROWS = 7


@dataclass(frozen=True)
class TableRow:
    """Means over the examples at one iteration of one attack; ``transfer`` is the share misclassified, per victim."""

    attack: str
    iteration: int
    confidence: float
    ca1: float
    log_odds: float
    saturated: float
    transfer: tuple[float, ...]


def short_table(summary: dict[str, Any], rows: int = _ROWS) -> list[TableRow]:
    """About ``rows`` evenly spaced iterations of each attack of a run's summary, the first and the last among them."""
    table = []
    for attack, values in summary["attacks"].items():
        last = len(values["iteration"]) - 1
        for at in sorted({round(i * last / (rows - 1)) for i in range(rows)}):
            transfer = tuple(values["transfer"][victim]["misclassified"][at] for victim in summary["victims"])
            picked = {name: values[name][at] for name in ("iteration", "confidence", "ca1", "log_odds", "saturated")}
            table.append(TableRow(attack=attack, transfer=transfer, **picked))
    return table
