"""Scores of strength: logits in, one number out.

Every function takes logits ``(N, M)`` and a `Facts` with what is known of the examples, and returns float64 ``(N,)``,
finite for finite logits of two classes or more (only `group_log_odds` is infinite where every class is a target);
larger always means stronger. ``SCORES`` has them by name. A score is declared here and nowhere else: the columns of the
tables, what is ranked, averaged, judged and documented follow from what it says of itself.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from presoftmax import numerics
from presoftmax.errors import ScoreError
from presoftmax.scores.score import Facts, Score, ScoreFunction, known, score

__all__ = ["RECORDED", "SCORES", "compute"]

_LARGEST_GROUP = 10
_PAPER = "Ozbulak et al. 2018"

SCORES: dict[str, Score] = {}
"""Every score, by name."""


def _built_in(**about: Any) -> Callable[[ScoreFunction], Score]:
    def declare(function: ScoreFunction) -> Score:
        declared = score(**about)(function)
        SCORES[declared.name] = declared
        return declared

    return declare


@_built_in(
    formula="softmax(z)_1 in float32, as everyone reports it",
    unit="probability",
    range="[1/M, 1]",
    fooled_by="saturation (exactly 1 from a log-odds of about 17 to 24), several classes raised at once",
    source="the habit of the field",
    recorded=True,
    curved=True,
    single=True,
)
def confidence(logits: Tensor, _: Facts) -> Tensor:
    return numerics.confidence(logits.float())


@_built_in(
    formula="z_1",
    unit="logit",
    fooled_by="a constant added to all logits; models of another scale",
    source=_PAPER,
    shift_invariant=False,
    recorded=True,
    compared=True,
    curved=True,
    natural=True,
    single=True,
)
def ca1(logits: Tensor, _: Facts) -> Tensor:
    return logits.double().amax(dim=1)


@_built_in(
    formula="z_1 - logsumexp(z_2, z_3, ...): exact log-odds of the top class; never saturates",
    unit="nats",
    range="at least -log(M - 1)",
    fooled_by="several classes raised at once: their logits cancel",
    source=_PAPER,
    recorded=True,
    curved=True,
    natural=True,
)
def log_odds(logits: Tensor, _: Facts) -> Tensor:
    return numerics.log_odds(logits)


@_built_in(
    formula="z_1 - z_2",
    unit="logit",
    range="at least 0",
    fooled_by="two classes raised at once: it is about 0",
    source="Carlini and Wagner 2017, arXiv:1608.04644",
    recorded=True,
    natural=True,
)
def margin(logits: Tensor, _: Facts) -> Tensor:
    return numerics.margin(logits)


@_built_in(
    formula="logsumexp(z), the negative free energy",
    unit="nats",
    fooled_by="a constant added to all logits; models of another scale",
    source="Liu et al. 2020, arXiv:2010.03759",
    shift_invariant=False,
    recorded=True,
    natural=True,
)
def logsumexp(logits: Tensor, _: Facts) -> Tensor:
    return numerics.logsumexp(logits)


@_built_in(
    formula="logsumexp(z_j, j != y) - z_y = log((1 - p_y) / p_y): log-odds of anything but the true class",
    unit="nats",
    fooled_by="a source model that is wrong by itself; it needs the true class",
    source="log((1 - p_y) / p_y)",
    needs=("labels",),
    recorded=True,
    compared=True,
)
def misclassification_log_odds(logits: Tensor, facts: Facts) -> Tensor:
    return numerics.misclassification_log_odds(logits, known(facts.labels))


@_built_in(
    formula="max(z_j, j != y) - z_y",
    unit="logit",
    fooled_by="as misclassification_log_odds, and it sees only one wrong class",
    source="Carlini and Wagner 2017, arXiv:1608.04644",
    needs=("labels",),
    recorded=True,
)
def true_margin(logits: Tensor, facts: Facts) -> Tensor:
    z, labels = logits.double(), known(facts.labels)[:, None]
    return z.scatter(1, labels, -torch.inf).amax(dim=1) - z.gather(1, labels)[:, 0]


@_built_in(
    formula="logsumexp(z_S) - logsumexp(z_notS), S the targets; null where the attack has none",
    unit="nats",
    fooled_by="classes raised that are not among the targets",
    source="this project, from the lemmas of Ozbulak et al. 2018",
    needs=("targets",),
    recorded=True,
)
def group_log_odds(logits: Tensor, facts: Facts) -> Tensor:
    return numerics.group_log_odds(logits, known(facts.targets))


@_built_in(
    formula="the same with S the k largest logits, k <= 10 at the widest gap between sorted logits",
    unit="nats",
    fooled_by="more than 10 classes raised at once, or raised to evenly spaced heights",
    source="this project",
    recorded=True,
)
def best_group_log_odds(logits: Tensor, _: Facts) -> Tensor:
    z = logits.double()
    kept = min(_LARGEST_GROUP, z.shape[1] - 1)
    top = torch.topk(z, kept + 1, dim=1)
    size = (top.values[:, :-1] - top.values[:, 1:]).argmax(dim=1, keepdim=True) + 1
    inside = torch.arange(kept, device=z.device)[None, :] < size
    # Repeats count once, so members outside the group are replaced by the top class.
    group = torch.where(inside, top.indices[:, :kept], top.indices[:, :1])
    return numerics.group_log_odds(z, group)


@_built_in(
    formula="sum p log p",
    unit="nats",
    range="[-log M, 0]",
    fooled_by="several classes raised at once; it approaches 0 from a modest log-odds on",
    source="Shannon 1948",
    recorded=True,
)
def negative_entropy(logits: Tensor, _: Facts) -> Tensor:
    log_p = numerics.log_softmax(logits)
    return (log_p.exp() * log_p).sum(dim=1)


@_built_in(
    formula="log sum p^2",
    unit="nats",
    range="[-log M, 0]",
    fooled_by="as negative_entropy",
    source="Renyi 1961, order 2",
    recorded=True,
)
def negative_renyi_entropy(logits: Tensor, _: Facts) -> Tensor:
    return torch.logsumexp(2 * numerics.log_softmax(logits), dim=1)


@_built_in(
    formula="-log P(CA1 of a natural image of this model >= z_1), empirical with a generalized Pareto tail",
    unit="nats",
    range="at least 0",
    fooled_by="an attack that keeps CA1 in the natural range; a reference fitted on too few images",
    source="Pickands 1975",
    shift_invariant=False,
    needs=("natural",),
)
def tail(logits: Tensor, facts: Facts) -> Tensor:
    return -known(facts.natural).log_tail_probability(logits)


@_built_in(
    formula="Mahalanobis distance of the 5 largest logits, sorted, from the natural ones",
    unit="standard deviations",
    range="at least 0",
    fooled_by="an attack that keeps the largest logits in their natural proportions; unusually low logits look "
    "strong too",
    source="Lee et al. 2018, arXiv:1807.03888, on logits",
    shift_invariant=False,
    needs=("natural",),
    ranked=True,
)
def top_k_distance(logits: Tensor, facts: Facts) -> Tensor:
    return known(facts.natural).top_k_distance(logits)


RECORDED: tuple[Score, ...] = tuple(each for each in SCORES.values() if each.recorded)
"""The scores that are columns of `steps`, in their order."""


def compute(name: str, logits: Tensor, facts: Facts | None = None) -> Tensor:
    """The score of that name, float64 ``(N,)``.

    Raises:
        ScoreError: no such score, or facts that it needs are missing.
    """
    if name not in SCORES:
        raise ScoreError(f"no score {name!r}; there are {', '.join(SCORES)}")
    return SCORES[name](logits, facts)
