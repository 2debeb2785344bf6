"""All claims on all trajectories of a study."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from presoftmax.analysis.claims import disguise, prediction, saturation, transfer
from presoftmax.analysis.claims.claim import CLAIMS, Case, Evidence, Measurement, Scope, Verdict, overall
from presoftmax.analysis.events import Values
from presoftmax.analysis.prediction import Evaluation
from presoftmax.analysis.ranking import BASELINES, RANKED, Ranking, rank_scores
from presoftmax.analysis.trajectories import Trajectories
from presoftmax.printing import Printed
from presoftmax.scores import RECORDED, TopLogits
from presoftmax.tables import TOP

__all__ = ["CLAIM_COLUMNS", "StudyClaims", "judge"]

# Importing them declares the claims.
_DECLARED = (saturation, disguise, transfer, prediction)

CLAIM_COLUMNS = (
    *(score.name for score in RECORDED), *(f"ca{i}" for i in range(2, TOP + 1)),
    "saturated", "changed", "l2", "linf", "hit",
)  # fmt: skip
"""Columns of the `steps` table that claims are made from."""


@dataclass(frozen=True, repr=False)
class StudyClaims(Printed):
    """Every measurement, and every pair's rank correlations: keys are (attack, source, victim)."""

    measured: tuple[Measurement, ...]
    rankings: Mapping[tuple[str, str, str], Ranking]

    def of(self, claim: str) -> list[Measurement]:
        """The measurements of one claim."""
        return [each for each in self.measured if each.claim == claim]

    def verdicts(self) -> dict[str, Verdict]:
        """The verdict on each claim."""
        return {claim: overall(self.of(claim)) for claim in CLAIMS}


def judge(
    trajectories: Iterable[Trajectories],
    evidence: Evidence,
    scores: Sequence[str] = (),
    evaluation: Evaluation | None = None,
) -> StudyClaims:
    """Measure every claim wherever it can be.

    Args:
        trajectories: of every attack and source, with the columns `CLAIM_COLUMNS`; one at a time is in memory, besides
            the over-optimized one of the source under way.
        evidence: what is known besides. An over-optimized attack must come before those compared with it.
        scores: columns of a user's own scores, ranked beside those of the registry.
        evaluation: of the prediction of transfer; C12 is not measured where it is left out.
    """
    measured: list[Measurement] = []
    rankings: dict[tuple[str, str, str], Ranking] = {}
    singles: dict[tuple[str, str], Trajectories] = {}
    pairs: dict[tuple[str, str], None] = {}
    for t in trajectories:
        if t.classes == 1:
            singles = {key: each for key, each in singles.items() if key[1] == t.source} | {(t.attack, t.source): t}
        case = Case(t, evidence, singles.get((evidence.compare.get(t.attack, ""), t.source)))
        several = t.classes > 1
        measured += _measured(case, Scope.SOURCE, Scope.SEVERAL_CLASSES if several else Scope.ONE_CLASS)
        ranked = _ranked(t, evidence.top_logits.get(t.source), scores)
        for victim in t.transferred:
            pairs[t.source, victim] = None
            ranking = rankings[t.attack, t.source, victim] = rank_scores(t, ranked, victim)
            pair = replace(case, victim=victim, ranking=ranking)
            measured += _measured(pair, Scope.PAIR, *([] if several else [Scope.ONE_CLASS_PAIR]))
    measured.append(transfer.everywhere(measured, list(pairs)))
    if evaluation is not None:
        measured += prediction.ranks_transfer(evaluation)
    order = list(CLAIMS)
    return StudyClaims(tuple(sorted(measured, key=lambda each: order.index(each.claim))), rankings)


def _measured(case: Case, *scopes: Scope) -> list[Measurement]:
    """The claims of these scopes, measured on a case."""
    found: list[Measurement] = []
    for claim in CLAIMS.values():
        if claim.scope in scopes:
            result = claim.measure(case)
            found += [] if result is None else [result] if isinstance(result, Measurement) else result
    return found


def _ranked(t: Trajectories, natural: TopLogits | None, further: Sequence[str]) -> dict[str, Values]:
    """Scores and baselines, each ``(N, T)``; the distance to natural images where these are known."""
    names = (*RANKED, *further, *BASELINES)
    scores = {name: t.values(name) for name in names if name in t.steps}
    scores["iteration"] = np.broadcast_to(t.iterations.astype(np.float64), (len(t), len(t.iterations)))
    if natural is not None:
        top = np.stack([t.values(f"ca{i + 1}") for i in range(len(natural.mean))], axis=-1)
        scores["top_k_distance"] = natural.distance(torch.from_numpy(top)).numpy()
    # A score that is null for the whole attack (that of the targets, where it has none) ranks nothing.
    return {name: scores[name] for name in names if name in scores and not np.isnan(scores[name]).all()}
