"""Scores of strength: logits in, one number out. A small registry of pure functions with what each is worth.

Every function takes logits ``(N, M)`` and a `Facts` with what is known of the examples, and returns float64 ``(N,)``,
finite for finite logits (of two classes or more). ``SCORES`` has them by name, with formula, range and what fools each;
larger always means stronger.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from presoftmax import numerics
from presoftmax.scores.natural import NaturalReference

__all__ = ["SCORES", "Facts", "Score", "compute"]

_LARGEST_GROUP = 10
Known = TypeVar("Known")


@dataclass(frozen=True)
class Facts:
    """What is known of the examples besides their logits; a score that needs what is missing raises ``ValueError``.

    Attributes:
        labels: int64 ``(N,)``, true classes.
        targets: int64 ``(N, k)``, classes that the attack drove up.
        natural: the model's natural images.
    """

    labels: Tensor | None = None
    targets: Tensor | None = None
    natural: NaturalReference | None = None


@dataclass(frozen=True)
class Score:
    """A score and what a reader must know of it.

    Attributes:
        name: how tables call it.
        function: ``(logits (N, M), facts) -> (N,)``.
        formula: in terms of the logits z, sorted z_1 >= z_2 >= ..., and the true class y.
        range: of its values.
        fooled_by: what makes a strong example look weak, or a weak one strong.
        source: where it comes from.
        shift_invariant: whether adding a constant to all logits leaves it as it is.
        needs: fields of `Facts` that it needs.
    """

    name: str
    function: Callable[[Tensor, Facts], Tensor]
    formula: str
    range: str
    fooled_by: str
    source: str
    shift_invariant: bool = True
    needs: tuple[str, ...] = ()


def compute(name: str, logits: Tensor, facts: Facts | None = None) -> Tensor:
    """The score of that name, float64 ``(N,)``.

    Raises:
        ValueError: no such score, or facts that it needs are missing.
    """
    if name not in SCORES:
        raise ValueError(f"no score {name!r}; there are {', '.join(SCORES)}")
    score, known = SCORES[name], facts or Facts()
    missing = [need for need in score.needs if getattr(known, need) is None]
    if missing:
        raise ValueError(f"the score {name} needs {' and '.join(missing)}")
    return score.function(logits, known).double()


def _ca1(logits: Tensor, _: Facts) -> Tensor:
    return logits.double().amax(dim=1)


def _true_margin(logits: Tensor, facts: Facts) -> Tensor:
    z, labels = logits.double(), _known(facts.labels)[:, None]
    return z.scatter(1, labels, -torch.inf).amax(dim=1) - z.gather(1, labels)[:, 0]


def _best_group_log_odds(logits: Tensor, _: Facts) -> Tensor:
    """Log-odds of the k largest logits against the rest, k where the sorted logits have their widest gap (k <= 10)."""
    z = logits.double()
    kept = min(_LARGEST_GROUP, z.shape[1] - 1)
    top = torch.topk(z, kept + 1, dim=1)
    size = (top.values[:, :-1] - top.values[:, 1:]).argmax(dim=1, keepdim=True) + 1
    inside = torch.arange(kept, device=z.device)[None, :] < size
    # Repeats count once, so members outside the group are replaced by the top class.
    group = torch.where(inside, top.indices[:, :kept], top.indices[:, :1])
    return numerics.group_log_odds(z, group)


def _entropy(logits: Tensor, _: Facts) -> Tensor:
    log_p = numerics.log_softmax(logits)
    return (log_p.exp() * log_p).sum(dim=1)


def _renyi(logits: Tensor, _: Facts) -> Tensor:
    return torch.logsumexp(2 * numerics.log_softmax(logits), dim=1)


def _tail(logits: Tensor, facts: Facts) -> Tensor:
    return -_known(facts.natural).log_tail_probability(logits)


def _distance(logits: Tensor, facts: Facts) -> Tensor:
    return _known(facts.natural).top_k_distance(logits)


def _known(value: Known | None) -> Known:
    if value is None:
        raise ValueError("a score was called without the facts that it needs")
    return value


_PAPER = "Ozbulak et al. 2018"
_REGISTRY = (
    Score(
        "confidence",
        lambda z, _: numerics.confidence(z.float()),
        "softmax(z)_1 in float32",
        "[1/M, 1]",
        "saturation (exactly 1 from a log-odds of about 17 to 24), several classes raised at once",
        "the habit of the field",
    ),
    Score(
        "ca1",
        _ca1,
        "z_1",
        "any real number",
        "a constant added to all logits; models of another scale",
        _PAPER,
        shift_invariant=False,
    ),
    Score(
        "log_odds",
        lambda z, _: numerics.log_odds(z),
        "z_1 - logsumexp(z_2, z_3, ...)",
        "at least -log(M - 1)",
        "several classes raised at once: their logits cancel",
        _PAPER,
    ),
    Score(
        "margin",
        lambda z, _: numerics.margin(z),
        "z_1 - z_2",
        "at least 0",
        "two classes raised at once: it is about 0",
        "Carlini and Wagner 2017, arXiv:1608.04644",
    ),
    Score(
        "energy",
        lambda z, _: numerics.energy(z),
        "logsumexp(z)",
        "any real number",
        "a constant added to all logits; models of another scale",
        "Liu et al. 2020, arXiv:2010.03759",
        shift_invariant=False,
    ),
    Score(
        "misclassification_log_odds",
        lambda z, facts: numerics.misclassification_log_odds(z, _known(facts.labels)),
        "logsumexp(z_j, j != y) - z_y",
        "any real number",
        "a source model that is wrong by itself; it needs the true class",
        "log((1 - p_y) / p_y)",
        needs=("labels",),
    ),
    Score(
        "true_margin",
        _true_margin,
        "max(z_j, j != y) - z_y",
        "any real number",
        "as misclassification_log_odds, and it sees only one wrong class",
        "Carlini and Wagner 2017, arXiv:1608.04644",
        needs=("labels",),
    ),
    Score(
        "group_log_odds",
        lambda z, facts: numerics.group_log_odds(z, _known(facts.targets)),
        "logsumexp(z_S) - logsumexp(z_notS), S the targets",
        "any real number",
        "classes raised that are not among the targets",
        "this project, from the lemmas of Ozbulak et al. 2018",
        needs=("targets",),
    ),
    Score(
        "best_group_log_odds",
        _best_group_log_odds,
        "the same with S the k largest logits, k <= 10 at the widest gap between sorted logits",
        "any real number",
        "more than 10 classes raised at once, or raised to evenly spaced heights",
        "this project",
    ),
    Score(
        "negative_entropy",
        _entropy,
        "sum p log p",
        "[-log M, 0]",
        "several classes raised at once; it approaches 0 from a modest log-odds on",
        "Shannon 1948",
    ),
    Score(
        "negative_renyi_entropy",
        _renyi,
        "log sum p^2",
        "[-log M, 0]",
        "as negative_entropy",
        "Renyi 1961, order 2",
    ),
    Score(
        "tail",
        _tail,
        "-log P(CA1 of a natural image of this model >= z_1), empirical with a generalized Pareto tail",
        "at least 0",
        "an attack that keeps CA1 in the natural range; a reference fitted on too few images",
        "Pickands 1975",
        shift_invariant=False,
        needs=("natural",),
    ),
    Score(
        "top_k_distance",
        _distance,
        "Mahalanobis distance of the 5 largest logits, sorted, from the natural ones",
        "at least 0",
        "an attack that keeps the largest logits in their natural proportions; unusually low logits look strong too",
        "Lee et al. 2018, arXiv:1807.03888, on logits",
        shift_invariant=False,
        needs=("natural",),
    ),
)

SCORES: dict[str, Score] = {score.name: score for score in _REGISTRY}
"""Every score, by name."""
