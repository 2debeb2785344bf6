"""Attacks of the literature, each a composition of the pieces."""

from collections.abc import Sequence

from presoftmax.attacks._checks import MOST_TARGETS, positive, shown, whole
from presoftmax.attacks.attack import Attack
from presoftmax.attacks.objectives import LevelTargets, Objective, RankedTargets, TargetLogit
from presoftmax.attacks.spaces import Space
from presoftmax.attacks.updates import CappedStep, GradientStep, Update
from presoftmax.choices import Balance, Discretization, SecondTarget, choice
from presoftmax.errors import AttackError

__all__ = ["multi_class", "over_optimized"]


def over_optimized(
    steps: int = 500,
    alpha: float = 0.15,
    discretization: str = Discretization.STRAIGHT_THROUGH,
    space: str = Space.NORMALIZED,
    name: str = "over-optimized",
) -> Attack:
    """Gradient ascent on one target's logit: ``x <- x + alpha * grad_x g_c(x)`` (paper, Appendix B).

    Nothing in it saturates, so it goes on long after the confidence reads 1.

    Args:
        steps: iterations; 500 in the paper.
        alpha: step size; 0.15 in the paper.
        discretization: when the image is rounded; ``"every-step"`` in the paper, where small steps are then lost.
        space: units of ``alpha``; the source's normalized input in the paper.
        name: how tables and figures call it.

    Raises:
        AttackError: a value that makes no sense.
    """
    return Attack(
        name=name,
        objective=TargetLogit(),
        update=GradientStep(positive("alpha", alpha)),
        steps=steps,
        discretization=choice(Discretization, discretization, "discretization"),
        space=choice(Space, space, "space"),
    )


def multi_class(
    steps: int = 500,
    classes: int = 2,
    alpha: tuple[float, float] = (0.05, 0.1),
    balance: str = Balance.RANK,
    discretization: str = Discretization.STRAIGHT_THROUGH,
    space: str = Space.NORMALIZED,
    second_target: str = SecondTarget.UNIFORM,
    name: str = "multi-class",
) -> Attack:
    """Gradient ascent on several targets' logits at once, which hides its strength from the softmax.

    Appendix B of the paper: ``x <- x + alpha * grad_x g_c(x) + beta * grad_x g_d(x)``, the lower logit with the larger
    multiplier, extended to k classes.

    Args:
        steps: iterations; 500 in the paper.
        classes: target classes, k >= 2; 2 in the paper.
        alpha: multiplier of the target with the highest and with the lowest logit; between them it is linear in
            the rank.
        balance: ``"rank"``, the paper's rule (`RankedTargets`), or ``"level"`` (`LevelTargets`), which holds the
            targets' logits together so that the confidence goes to 1 / k: no step promises more than one logit, and
            none is longer than those of ``"rank"``.
        discretization: when the image is rounded; ``"every-step"`` in the paper.
        space: units of ``alpha``.
        second_target: for k = 2, where the second target comes from when targets are drawn.
        name: how tables and figures call it.

    Raises:
        AttackError: a value that makes no sense.
    """
    if whole("classes", classes, 0, MOST_TARGETS) < 2:
        raise AttackError(f"a multi-class attack needs at least 2 target classes, got {classes}")
    if not isinstance(alpha, Sequence) or isinstance(alpha, str) or len(alpha) != 2:
        raise AttackError(f"alpha must be two positive numbers, the smaller one first, got {shown(alpha)}")
    low, high = (positive("alpha", each) for each in alpha)
    if low > high:
        raise AttackError(f"alpha must be two positive numbers, the smaller one first, got {alpha}")
    pieces: dict[Balance, tuple[Objective, Update]] = {
        Balance.RANK: (RankedTargets(low, high), GradientStep(1.0)),
        Balance.LEVEL: (LevelTargets(), CappedStep(classes * (low + high) / 2, max_gain=1.0)),
    }
    objective, update = pieces[choice(Balance, balance, "balance")]
    return Attack(
        name=name,
        objective=objective,
        update=update,
        steps=steps,
        num_targets=classes,
        discretization=choice(Discretization, discretization, "discretization"),
        space=choice(Space, space, "space"),
        second_target=choice(SecondTarget, second_target, "second_target"),
    )
