"""The first question of a reader of a study: which examples are strong, and what transfers."""

from collections.abc import Sequence
from dataclasses import dataclass

from presoftmax.study import StudySummary
from presoftmax.text import no_minus_zero, printable

__all__ = ["OpeningRow", "Transfer", "opening_rows", "opening_sentence"]


@dataclass(frozen=True)
class Transfer:
    """How many examples fool a victim at the end."""

    victim: str
    hits: int


@dataclass(frozen=True)
class OpeningRow:
    """The examples of an attack on a source, at the last iteration.

    Attributes:
        attack: its name.
        source: its name.
        examples: how many there are.
        fooled: of how many the source misclassifies the image.
        exactly_one: of how many the source's float32 confidence is exactly 1.
        log_odds: median misclassification log-odds.
        best: the victim that most of them fool, the first one of equals; None without victims.
        worst: the victim that fewest of them fool, the last one of equals; None with fewer than two.
    """

    attack: str
    source: str
    examples: int
    fooled: int
    exactly_one: int
    log_odds: float
    best: Transfer | None
    worst: Transfer | None


def opening_rows(summary: StudySummary) -> list[OpeningRow]:
    """One row for each attack and source, in the order of the study."""
    rows = []
    for t in summary.trajectories:
        mine = [row for row in summary.transfer if (row["attack"], row["source"]) == (t["attack"], t["source"])]
        transfers = [Transfer(row["victim"], row["misclassified_hits"]) for row in mine]
        found = sorted(transfers, key=lambda each: -each.hits)
        rows.append(
            OpeningRow(
                attack=t["attack"],
                source=t["source"],
                examples=t["examples"],
                fooled=t["misclassified_hits"],
                exactly_one=t["exactly_one_hits"],
                log_odds=t["median_log_odds"],
                best=found[0] if found else None,
                worst=found[-1] if len(found) > 1 else None,
            )
        )
    return rows


def opening_sentence(rows: Sequence[OpeningRow]) -> str:
    """Where the strongest examples are, and what transfers most."""
    strong = max(rows, key=lambda row: row.log_odds)
    said = (
        f"The strongest examples are those of {_where(strong)}, with a median misclassification log-odds of "
        f"{strong.log_odds:.1f}; "
    )
    most = max(rows, key=lambda row: row.best.hits / row.examples if row.best else -1)
    if most.best is None:
        return no_minus_zero(f"{said.removesuffix('; ')}.")
    share = f"{100 * most.best.hits / most.examples:.0f} % ({most.best.hits} of {most.examples})"
    if most.best.hits == 0:
        return no_minus_zero(f"{said}none of any attack fools another model at the end.")
    return no_minus_zero(
        f"{said}what transfers most are those of {_where(most)}, of which {share} fool {printable(most.best.victim)}."
    )


def _where(row: OpeningRow) -> str:
    return f"{printable(row.attack)} on {printable(row.source)}"
