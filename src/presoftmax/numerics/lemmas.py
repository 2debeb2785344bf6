"""The paper's two lemmas as statements that can be checked: the first one qualified, the second one put right.

**Lemma 2.1** says that once the top probability has been mapped to 1 under limited precision, raising the top logit
further gives ``(1, 0, ..., 0)`` for ever. This holds for printed or fixed-point decimals (`stays_saturated`). In IEEE
formats the top is 1 for ever too, but the others stay non-zero long after: in float32 the top is exactly 1 from a gap
of 16.64, and a rival is exactly 0 only from about 104.

**Lemma 2.2** says that the top probability does not increase when any other non-zero class has a larger increase. As
printed it is false (`COUNTEREXAMPLE`). With ``w_i = p_i / (1 - p_1)`` over the rivals, the exact law is: the top
probability falls if and only if ``v_1 < log sum_i w_i exp(v_i)`` (`top_probability_falls`). With only class t raised,
that is ``v_t > log(1 + (exp(v_1) - 1) / w_t)`` (`top_probability_falls_for_one_rival`): the lemma is true when t
carries all of the rest of the mass, and needs a larger increase the less of it t carries.
"""

from decimal import ROUND_HALF_EVEN, Context, Decimal

import torch
from torch import Tensor

__all__ = [
    "COUNTEREXAMPLE",
    "lemma_2_2_instances",
    "printed_softmax",
    "stays_saturated",
    "top_probability_falls",
    "top_probability_falls_for_one_rival",
]

COUNTEREXAMPLE: tuple[tuple[float, ...], tuple[float, ...]] = ((1.0, 0.0, 0.9), (1.0, 1.1, 0.0))
"""Logits u and increases v that meet the conditions of Lemma 2.2 as printed, while the top probability rises.

Class 1 (of 0, 1, 2) gets the larger increase, 1.1 > 1, and stays below the top, yet p_0 goes from 0.440 to 0.575.
"""

_CONTEXT = Context(prec=60)


def printed_softmax(logits: list[float], decimals: int) -> list[Decimal]:
    """Softmax of one example's logits, computed to 60 digits, then rounded to so many decimals (halves to even)."""
    top = max(logits)
    powers = [_CONTEXT.exp(Decimal(z) - Decimal(top)) for z in logits]
    total = _CONTEXT.create_decimal(sum(powers, Decimal(0)))
    unit = Decimal(1).scaleb(-decimals)
    return [_CONTEXT.divide(p, total).quantize(unit, rounding=ROUND_HALF_EVEN, context=_CONTEXT) for p in powers]


def stays_saturated(logits: list[float], decimals: int, increase: float) -> bool:
    """Lemma 2.1 for printed decimals: whether raising the top logit leaves ``(1, 0, ..., 0)``.

    Args:
        logits: of one example, with a top probability that prints as 1.
        decimals: 2 or more. With d decimals a probability under half a unit prints as 0, and the rivals of a top one
            that prints as 1 have no more than half a unit between them.
        increase: added to the top logit, at least 0.

    Raises:
        ValueError: the top probability does not print as 1, or the increase is negative.
    """
    before = printed_softmax(logits, decimals)
    at = max(range(len(logits)), key=logits.__getitem__)
    if before[at] != 1:
        raise ValueError(f"the top probability prints as {before[at]}, not as 1")
    if increase < 0:
        raise ValueError(f"the increase must not be negative, got {increase}")
    raised = [z + increase if i == at else z for i, z in enumerate(logits)]
    after = printed_softmax(raised, decimals)
    return all(p == (1 if i == at else 0) for i, p in enumerate(after))


def lemma_2_2_instances(count: int, classes: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Random logits and increases that meet the conditions of Lemma 2.2 as printed.

    The top class is class 0, class t another one; ``v_t > v_0 > 0``, ``u_0 + v_0 > u_t + v_t``, nothing else is raised.

    Args:
        count: how many to draw.
        classes: M >= 2.
        seed: of the draw.

    Returns:
        Logits u and increases v, float64 ``(count, M)``. As printed, the lemma says that the top probability falls
        in all of them.
    """
    generator = torch.Generator().manual_seed(seed)
    u = 3 * torch.randn(count, classes, dtype=torch.float64, generator=generator)
    u = u.sort(dim=1, descending=True).values
    rival = torch.randint(1, classes, (count, 1), generator=generator)
    lead = u[:, :1] - u.gather(1, rival)
    top_rise = 2 * torch.rand(count, 1, dtype=torch.float64, generator=generator) + 1e-6
    # Any increase between v_0 and v_0 + (u_0 - u_t) keeps class 0 on top.
    more = lead * (0.01 + 0.98 * torch.rand(count, 1, dtype=torch.float64, generator=generator))
    v = torch.zeros_like(u)
    v[:, :1] = top_rise
    return u, v.scatter(1, rival, top_rise + more)


def top_probability_falls(logits: Tensor, increases: Tensor) -> Tensor:
    """The exact law behind Lemma 2.2: whether the probability of the (former) top class falls.

    Args:
        logits: ``(N, M)``, at least two classes.
        increases: ``(N, M)``, what is added to each logit.

    Returns:
        ``(N,)``, bool: ``v_1 < log sum_i w_i exp(v_i)`` with ``w_i = p_i / (1 - p_1)`` over the rivals, in float64.
    """
    z, v = logits.double(), increases.double()
    at = z.argmax(dim=1, keepdim=True)
    rivals = z.scatter(1, at, -torch.inf)
    weights = torch.log_softmax(rivals, dim=1)
    return v.gather(1, at)[:, 0] < torch.logsumexp(weights + v, dim=1)


def top_probability_falls_for_one_rival(
    logits: Tensor, rival: Tensor, top_increase: Tensor, increase: Tensor
) -> Tensor:
    """The same with only the top class and one rival t raised: ``v_t > log(1 + (exp(v_1) - 1) / w_t)``.

    Args:
        logits: ``(N, M)``.
        rival: ``(N,)``, the class t, not the top one.
        top_increase: ``(N,)``, ``v_1``, at least 0.
        increase: ``(N,)``, ``v_t``.

    Returns:
        ``(N,)``, bool.
    """
    z = logits.double()
    rivals = z.scatter(1, z.argmax(dim=1, keepdim=True), -torch.inf)
    weight = torch.softmax(rivals, dim=1).gather(1, rival[:, None])[:, 0]
    return increase.double() > torch.log1p(torch.expm1(top_increase.double()) / weight)
