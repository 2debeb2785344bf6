"""The claims table: one line for each claim, its measurements behind it."""

from collections.abc import Sequence
from dataclasses import dataclass

from presoftmax.analysis.claims import CLAIMS, Claim, Measurement, StudyClaims, Verdict

__all__ = ["ClaimRow", "claim_rows"]


@dataclass(frozen=True)
class ClaimRow:
    """A claim as the table shows it: its verdict, the range of its values, one sentence, and what it stands on."""

    claim: Claim
    verdict: Verdict
    value: str
    sentence: str
    measured: tuple[Measurement, ...]


def claim_rows(claims: StudyClaims) -> list[ClaimRow]:
    """One row per claim."""
    verdicts = claims.verdicts()
    return [_row(claim, verdicts[claim.id], claims.of(claim.id)) for claim in CLAIMS.values()]


def _row(claim: Claim, verdict: Verdict, measured: Sequence[Measurement]) -> ClaimRow:
    judged = [each for each in measured if each.verdict != "not measurable here"]
    values = sorted(each.value for each in judged if each.value is not None)
    shown = [claim.show(value) for value in (values[0], values[-1])] if values else []
    span = "–" if not shown else shown[0] if shown[0] == shown[1] else f"{shown[0]} to {shown[1]}"
    return ClaimRow(claim, verdict, span, _sentence(measured, judged), tuple(measured))


def _sentence(measured: Sequence[Measurement], judged: Sequence[Measurement]) -> str:
    if not measured:
        return "No attack of this study says anything about it."
    if not judged:
        return f"Not measurable here: {measured[0].sentence}."
    if len(measured) == 1:
        return measured[0].sentence
    places = [f"{_count(group, subject)}" for subject, group in _by_subject(judged).items()]
    unsure = sum(not each.certain for each in judged)
    doubt = f" {unsure} of the intervals reach across the threshold." if unsure else ""
    unknown = len(measured) - len(judged)
    missing = f" Not measurable in {unknown} more." if unknown else ""
    example = next((each for each in judged if each.verdict == "does not hold"), judged[0])
    where = f"{example.source} to {example.victim}" if example.victim else example.source
    return f"Holds in {'; '.join(places)}.{missing}{doubt} For instance {example.attack}, {where}: {example.sentence}"


def _by_subject(judged: Sequence[Measurement]) -> dict[str, list[Measurement]]:
    groups: dict[str, list[Measurement]] = {}
    for each in judged:
        groups.setdefault(each.subject, []).append(each)
    return groups


def _count(group: Sequence[Measurement], subject: str) -> str:
    held = sum(each.verdict == "holds" for each in group)
    return f"{held} of {len(group)}{f' ({subject})' if subject else ''}"
