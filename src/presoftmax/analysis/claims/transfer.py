"""C8 to C11: what transfers, and what ranks it."""

from collections.abc import Sequence

import numpy as np

from presoftmax.analysis.bootstrap import mean_interval
from presoftmax.analysis.claims.claim import Case, Measurement, Scope, claim, judged, not_measurable, percent
from presoftmax.analysis.events import first_true
from presoftmax.analysis.ranking import Ranking

__all__ = ["everywhere", "never_transferring", "ranks_better", "staying"]


@claim(
    "C8",
    title="once transferred, mostly stays so",
    value="share of examples that, having transferred, stay so at every later iteration",
    threshold=0.5,
    rule="more than 50 %",
    scope=Scope.PAIR,
    strict=True,
    unit="percent",
)
def staying(case: Case) -> Measurement:
    """C8."""
    flags = case.flags
    first = first_true(flags)
    # One that transfers at the very end only has had no chance to come back.
    usable = first < flags.shape[1] - 1
    if not usable.any():
        return not_measurable("C8", case.key, 0, "no example transfers before the last iteration")
    later = np.arange(flags.shape[1])[None, :] >= first[usable][:, None]
    stays = (flags[usable] | ~later).all(axis=1).astype(np.float64)
    step = flags[:, :-1].sum()
    per_step = float((flags[:, 1:] & flags[:, :-1]).sum() / step)
    share_later = float((flags[usable] & later).sum() / later.sum())
    details = {"per_next_iteration": per_step, "share_of_later_iterations": share_later}
    sentence = (
        f"{percent(stays.mean())} of {usable.sum()} that transfer stay so at every later iteration; from one "
        f"iteration to the next {100 * per_step:.1f} % do."
    )
    return judged("C8", case.key, int(usable.sum()), float(stays.mean()), mean_interval(stays), sentence, details)


@claim(
    "C9",
    title="some examples never transfer",
    value="share of examples removed by cleaning",
    threshold=0.0,
    rule="more than 0 (the paper: 8 to 20 %)",
    scope=Scope.PAIR,
    strict=True,
    unit="percent",
)
def never_transferring(case: Case) -> Measurement:
    """C9."""
    flags = case.flags
    removed = (~flags[:, -1]).astype(np.float64)
    never = float((~flags.any(axis=1)).mean())
    details = {"never_at_any_iteration": never, "removed": float(removed.sum())}
    sentence = (
        f"{percent(removed.mean())} have not transferred at the last iteration and are removed; {percent(never)} "
        "never did at any iteration."
    )
    return judged("C9", case.key, len(flags), float(removed.mean()), mean_interval(removed), sentence, details)


@claim(
    "C10",
    title="the same for all architectures",
    value="share of ordered pairs on which each of C1 to C5 that can be measured holds",
    threshold=1.0,
    rule="all of them",
    scope=Scope.STUDY,
    unit="percent",
)
def everywhere(measured: Sequence[Measurement], pairs: Sequence[tuple[str, str]]) -> Measurement:
    """C10, from C1 to C5 of all attacks.

    Args:
        measured: all measurements.
        pairs: the ordered pairs (source, victim).
    """
    key = ("all", "all", None)
    held, judged_pairs, failing = 0, 0, []
    for source, victim in pairs:
        mine = [m for m in measured if m.claim in _FIRST_FIVE and m.source == source and m.victim in (None, victim)]
        verdicts = {m.claim: m.verdict for m in mine if m.verdict != "not measurable here"}
        failed = sorted({m.claim for m in mine if m.verdict == "does not hold"})
        if verdicts:
            judged_pairs += 1
            held += not failed
            failing += [f"{source} to {victim}: {', '.join(failed)}"] if failed else []
    if judged_pairs == 0:
        return not_measurable("C10", key, 0, "none of C1 to C5 could be measured")
    value = held / judged_pairs
    sentence = f"On {held} of {judged_pairs} ordered pairs all of C1 to C5 that can be measured hold" + (
        f"; not on {'; '.join(failing)}." if failing else "."
    )
    examples = max((m.examples for m in measured), default=0)
    return judged("C10", key, examples, value, None, sentence, {"pairs": float(judged_pairs)})


_FIRST_FIVE = ("C1", "C2", "C3", "C4", "C5")


@claim(
    "C11",
    title="confidence does not rank strength; logits do better",
    value="Spearman correlation with transfer across examples, minus that of the confidence, mean over iterations",
    threshold=0.0,
    rule="above 0",
    scope=Scope.PAIR,
    strict=True,
)
def ranks_better(case: Case) -> list[Measurement]:
    """C11, a row for each compared score."""
    ranking = case.ranking
    return [] if ranking is None else [_ranks_better(case, ranking, name) for name in ranking.gain]


def _ranks_better(case: Case, ranking: Ranking, name: str) -> Measurement:
    t = case.t
    details = {
        "across": ranking.across_mean[name],
        "across_confidence": ranking.across_mean["confidence"],
        "within": ranking.within[name],
        "within_confidence": ranking.within["confidence"],
    }
    gain = ranking.gain[name]
    if gain is None:
        why = (
            "Spearman's correlation is undefined: at every iteration shown, transfer or confidence is the same for all"
        )
        return not_measurable("C11", case.key, len(t), why, None, None, details, subject=name)
    across = [each for each in ranking.across["confidence"].values() if each is not None]
    sentence = (
        f"Correlation of {name} with transfer across examples, less that of the confidence: {gain:+.2f} (mean over "
        f"{len(across)} iterations; by itself {_signed(details['across'])} against "
        f"{_signed(details['across_confidence'])}); within trajectories {_signed(details['within'])} "
        f"against {_signed(details['within_confidence'])}."
    )
    bounds = ranking.gain_interval[name]
    return judged("C11", case.key, len(t), gain, bounds, sentence, details, subject=name)


def _signed(value: float | None) -> str:
    return "undefined" if value is None else f"{value:+.2f}"
