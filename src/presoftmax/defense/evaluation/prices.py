"""What passing a detector costs an attacker."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from presoftmax.analysis import mean_interval
from presoftmax.defense.evaluation._shares import Interval, share_interval

__all__ = ["ANYONE", "PASSING", "UNAWARE", "Price", "Tried", "prices_of"]

PASSING = (0.05, 0.5)
"""Rates at which an attacker is to pass: SR@5 and SR@50."""
UNAWARE, ANYONE = "unaware", "any of them"

Values = npt.NDArray[np.float64]


class Tried(NamedTuple):
    """An attempt: by whom, of which attack, on which source, to pass which detector."""

    source: str
    attack: str
    attacker: str
    detector: str


@dataclass(frozen=True)
class Price:
    """What passing a detector costs an attacker.

    Attributes:
        source: model.
        detector: that is to be passed.
        attack: that the attacker starts from.
        attacker: how it was made to pass; ``"unaware"``: not at all; ``"any of them"``: for each image the attacker,
            of all that were tried, whose passing iterate is the strongest.
        fpr: rate of the threshold that is to be passed.
        images: attacked.
        undefended: share of the images for which the unaware attack fools the source, no detector being there.
        passed: share for which some iterate fools the source and is not flagged. More iterates, restarts or attackers
            never make it smaller.
        passed_interval: 95 %, exact.
        transferred: share of all images whose strongest passing iterate fools a victim, mean over the victims; None
            without victims.
        transferred_interval: 95 %, images drawn anew.
        transferred_undefended: the same of the unaware attack, no detector being there.
        cost: how much less transfer that is.
        cost_interval: 95 %, paired by image.
        victims: share by victim.
        log_odds: median misclassification log-odds of what passes; None where nothing does.
        log_odds_undefended: of the unaware attack's strongest iterates of the same images.
    """

    source: str
    detector: str
    attack: str
    attacker: str
    fpr: float
    images: int
    undefended: float
    passed: float
    passed_interval: Interval
    transferred: float | None
    transferred_interval: Interval
    transferred_undefended: float | None
    cost: float | None
    cost_interval: Interval
    victims: dict[str, float]
    log_odds: float | None
    log_odds_undefended: float | None


def prices_of(
    attempts: pl.DataFrame,
    examples: Sequence[str],
    victims: Sequence[str],
    tried: Iterable[Tried],
    rates: Sequence[float] = PASSING,
) -> Iterator[Price]:
    """Prices of all that was tried, and of anyone who may choose among it.

    Args:
        attempts: the table `presoftmax.tables.ATTEMPTS`.
        examples: ids of the images that were attacked.
        victims: names of all models.
        tried: who was to pass what.
        rates: of the thresholds that are to be passed.
    """
    strongest = attempts.sort("misclassification_log_odds", descending=True, maintain_order=True)
    keys = list(Tried._fields)
    rows = {Tried(*map(str, key)): part for key, part in strongest.group_by(keys, maintain_order=True)}
    nothing = strongest.clear()
    among: dict[tuple[str, str, str], list[Tried]] = {}
    for each in dict.fromkeys(tried):
        among.setdefault((each.source, each.attack, each.detector), []).append(each)
    for (source, attack, detector), all_of in among.items():
        others = [name for name in victims if name != source]
        free = _Outcome.of(rows.get(Tried(source, attack, UNAWARE, detector), nothing), examples, others)
        choices = {each.attacker: rows.get(each, nothing) for each in all_of}
        choices[ANYONE] = pl.concat(list(choices.values())).sort(
            "misclassification_log_odds", descending=True, maintain_order=True
        )
        yield from _prices(Tried(source, attack, "", detector), choices, free, examples, others, rates)


def _prices(
    about: Tried,
    choices: Mapping[str, pl.DataFrame],
    free: "_Outcome",
    examples: Sequence[str],
    others: Sequence[str],
    rates: Sequence[float],
) -> Iterator[Price]:
    for attacker, part in choices.items():
        for fpr in rates:
            got = _Outcome.of(part.filter(pl.col("p_value") > fpr), examples, others)
            lost = free.transfer - got.transfer
            both = np.isfinite(got.log_odds) & np.isfinite(free.log_odds)
            yield Price(
                source=about.source,
                detector=about.detector,
                attack=about.attack,
                attacker=attacker,
                fpr=fpr,
                images=len(examples),
                undefended=float(free.passed.mean()),
                passed=float(got.passed.mean()),
                passed_interval=share_interval(int(got.passed.sum()), len(examples)),
                transferred=float(got.transfer.mean()) if others else None,
                transferred_interval=mean_interval(got.transfer) if others else None,
                transferred_undefended=float(free.transfer.mean()) if others else None,
                cost=float(lost.mean()) if others else None,
                cost_interval=mean_interval(lost) if others else None,
                victims=got.by_victim,
                log_odds=float(np.median(got.log_odds[both])) if both.any() else None,
                log_odds_undefended=float(np.median(free.log_odds[both])) if both.any() else None,
            )


@dataclass(frozen=True)
class _Outcome:
    """What became of each attacked image, ``(N,)``; log-odds are NaN where it does not pass."""

    passed: Values
    transfer: Values
    log_odds: Values
    by_victim: dict[str, float]

    @classmethod
    def of(cls, rows: pl.DataFrame, examples: Sequence[str], others: Sequence[str]) -> "_Outcome":
        """Of rows from the strongest on: of each example the first counts."""
        best = rows.unique("example", keep="first", maintain_order=True)
        images, position = len(examples), {example: i for i, example in enumerate(examples)}
        passed, transfer, log_odds = np.zeros(images), np.zeros(images), np.full(images, np.nan)
        at = [position[example] for example in best["example"]]
        fooled = best["fooled"].to_list()
        passed[at] = 1.0
        transfer[at] = [len(set(names) & set(others)) / max(1, len(others)) for names in fooled]
        log_odds[at] = best["misclassification_log_odds"].to_numpy()
        by_victim = {name: sum(name in names for names in fooled) / images for name in others}
        return cls(passed, transfer, log_odds, by_victim)
