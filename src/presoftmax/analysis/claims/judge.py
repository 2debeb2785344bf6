"""All claims on all trajectories of a study."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from presoftmax.analysis.claims import disguise, saturation, transfer
from presoftmax.analysis.claims.claim import CLAIMS, Measured, Verdict, overall
from presoftmax.analysis.ranking import BASELINES, RANKED, Ranking, rank_scores
from presoftmax.analysis.trajectories import Trajectories, Values

__all__ = ["CLAIM_COLUMNS", "Evidence", "StudyClaims", "TopLogits", "judge"]

CLAIM_COLUMNS = (
    "confidence", "ca1", "ca2", "ca3", "ca4", "ca5", "log_odds", "margin", "logsumexp", "misclassification_log_odds",
    "true_margin", "group_log_odds", "best_group_log_odds", "negative_entropy", "negative_renyi_entropy", "saturated",
    "changed", "l2", "linf", "hit",
)  # fmt: skip
"""Columns of the `steps` table that claims are made from."""


@dataclass(frozen=True)
class TopLogits:
    """Mean ``(k,)`` and inverse covariance ``(k, k)`` of the sorted largest logits of natural images."""

    mean: Values
    precision: Values


@dataclass(frozen=True)
class Evidence:
    """What is known besides the trajectories.

    Attributes:
        compare: name of a multi-class attack to that of the over-optimized one it is compared with.
        largest_natural: per source, the largest CA1 of any natural image.
        natural_images: how many natural images were looked at.
        top_logits: per source, where the largest logits of its natural images lie.
    """

    compare: Mapping[str, str]
    largest_natural: Mapping[str, float]
    natural_images: int
    top_logits: Mapping[str, TopLogits]


@dataclass(frozen=True)
class StudyClaims:
    """Every measurement, and every pair's rank correlations: keys are (attack, source, victim)."""

    measured: tuple[Measured, ...]
    rankings: Mapping[tuple[str, str, str], Ranking]

    def of(self, claim: str) -> list[Measured]:
        """The measurements of one claim."""
        return [each for each in self.measured if each.claim == claim]

    def verdicts(self) -> dict[str, Verdict]:
        """The verdict on each claim."""
        return {claim: overall(self.of(claim)) for claim in CLAIMS}


def judge(trajectories: Iterable[Trajectories], evidence: Evidence) -> StudyClaims:
    """Measure every claim wherever it can be.

    Args:
        trajectories: of every attack and source, with the columns `CLAIM_COLUMNS`; one at a time is in memory, besides
            the over-optimized one of the source under way.
        evidence: what is known besides. An over-optimized attack must come before those compared with it.
    """
    measured: list[Measured] = []
    rankings: dict[tuple[str, str, str], Ranking] = {}
    single: dict[tuple[str, str], Trajectories] = {}
    pairs: dict[tuple[str, str], None] = {}
    for t in trajectories:
        largest = evidence.largest_natural.get(t.source)
        measured.append(saturation.beyond_natural(t, largest, evidence.natural_images))
        if t.classes == 1:
            single = {key: each for key, each in single.items() if key[1] == t.source} | {(t.attack, t.source): t}
            measured += [saturation.saturating(t), saturation.rising(t)]
        else:
            measured += [disguise.disguised(t), disguise.pushed_down(t)]
            other = single.get((evidence.compare.get(t.attack, ""), t.source))
            if other is not None:
                measured.append(disguise.diminished(t, other))
        scores = _scores(t, evidence.top_logits.get(t.source))
        for victim in t.transferred:
            pairs[t.source, victim] = None
            if t.classes == 1:
                measured.append(saturation.blind(t, victim))
            measured += [transfer.staying(t, victim), transfer.never_transferring(t, victim)]
            ranking = rankings[t.attack, t.source, victim] = rank_scores(t, scores, victim)
            measured += transfer.ranks_better(t, victim, ranking)
    measured.append(transfer.everywhere(measured, list(pairs)))
    order = list(CLAIMS)
    return StudyClaims(tuple(sorted(measured, key=lambda each: order.index(each.claim))), rankings)


def _scores(t: Trajectories, natural: TopLogits | None) -> dict[str, Values]:
    """Scores and baselines, each ``(N, T)``; the distance to natural images where these are known."""
    scores = {name: t.values(name) for name in (*RANKED, *BASELINES) if name in t.steps}
    scores["iteration"] = np.broadcast_to(t.iterations.astype(np.float64), (len(t), len(t.iterations)))
    if natural is not None:
        off = np.stack([t.values(f"ca{i + 1}") for i in range(len(natural.mean))], axis=-1) - natural.mean
        squared = np.einsum("nti,nti->nt", off @ natural.precision, off)
        scores["top_k_distance"] = np.sqrt(np.maximum(squared, 0))
    return {name: scores[name] for name in (*RANKED, *BASELINES) if name in scores}
