"""Attacks that people run, each a composition of the pieces, so that every iteration of them is recorded.

All work on [0, 1] pixels inside a ball around the clean image, and start at the clean image.
"""

from typing import Literal

from presoftmax.attacks.attack import Attack, Space
from presoftmax.attacks.constraints import Constraint, L2Ball, LinfBall
from presoftmax.attacks.lattice import Discretization
from presoftmax.attacks.library import DiscretizationName
from presoftmax.attacks.objectives import DLR, CarliniWagner, CrossEntropy, Objective, TargetLogit
from presoftmax.attacks.updates import MomentumSignStep, NormalizedStep, SignStep, Update
from presoftmax.errors import AttackError

__all__ = ["bim", "dlr_pgd", "logit_attack", "margin_pgd", "mi_fgsm", "pgd_l2"]

Goal = Literal["untargeted", "targeted"]


def bim(
    steps: int = 10,
    epsilon: float = 8 / 255,
    alpha: float = 2 / 255,
    goal: Goal = "untargeted",
    discretization: DiscretizationName = "straight-through",
    name: str = "bim",
) -> Attack:
    """Basic iterative method (Kurakin et al. 2017, arXiv:1607.02533); L-infinity PGD without a random start.

    ``x <- clip(x + alpha * sign(grad CE))`` in the L-infinity ball (Madry et al. 2018, arXiv:1706.06083).

    Args:
        steps: iterations.
        epsilon: radius, in [0, 1] units.
        alpha: step size, likewise.
        goal: away from the true class, or towards the first target.
        discretization: when the image is rounded.
        name: how tables call it.

    Raises:
        AttackError: a value that makes no sense.
    """
    objective = CrossEntropy(targeted=goal == "targeted")
    return _attack(name, objective, SignStep(alpha), steps, LinfBall(epsilon), epsilon, alpha, discretization)


def pgd_l2(
    steps: int = 10,
    epsilon: float = 1.0,
    alpha: float = 0.2,
    goal: Goal = "untargeted",
    discretization: DiscretizationName = "straight-through",
    name: str = "pgd-l2",
) -> Attack:
    """L2 PGD (arXiv:1706.06083) without a random start: steps of length ``alpha`` in the L2 ball; as `bim` else."""
    objective = CrossEntropy(targeted=goal == "targeted")
    return _attack(name, objective, NormalizedStep(alpha), steps, L2Ball(epsilon), epsilon, alpha, discretization)


def mi_fgsm(
    steps: int = 10,
    epsilon: float = 8 / 255,
    alpha: float = 2 / 255,
    decay: float = 1.0,
    goal: Goal = "untargeted",
    discretization: DiscretizationName = "straight-through",
    name: str = "mi-fgsm",
) -> Attack:
    """Momentum iterative FGSM (Dong et al. 2018, arXiv:1710.06081); ``decay`` of the momentum, as `bim` else."""
    objective = CrossEntropy(targeted=goal == "targeted")
    update = MomentumSignStep(alpha, decay)
    return _attack(name, objective, update, steps, LinfBall(epsilon), epsilon, alpha, discretization)


def logit_attack(
    steps: int = 300,
    epsilon: float = 16 / 255,
    alpha: float = 2 / 255,
    decay: float = 1.0,
    discretization: DiscretizationName = "straight-through",
    name: str = "logit",
) -> Attack:
    """Targeted transfer by the target's logit (Zhao et al. 2021, arXiv:2012.11207), here with momentum alone.

    The loss of that paper is the objective of the over-optimized attack; its input transforms are not part of it here.
    """
    update = MomentumSignStep(alpha, decay)
    return _attack(name, TargetLogit(), update, steps, LinfBall(epsilon), epsilon, alpha, discretization)


def margin_pgd(
    steps: int = 10,
    epsilon: float = 8 / 255,
    alpha: float = 2 / 255,
    kappa: float = 50.0,
    goal: Goal = "untargeted",
    discretization: DiscretizationName = "straight-through",
    name: str = "margin-pgd",
) -> Attack:
    """PGD on the margin of Carlini and Wagner (arXiv:1608.04644), which stops rising at ``kappa``; as `bim` else."""
    objective = CarliniWagner(kappa, targeted=goal == "targeted")
    return _attack(name, objective, SignStep(alpha), steps, LinfBall(epsilon), epsilon, alpha, discretization)


def dlr_pgd(
    steps: int = 10,
    epsilon: float = 8 / 255,
    alpha: float = 2 / 255,
    goal: Goal = "untargeted",
    discretization: DiscretizationName = "straight-through",
    name: str = "dlr-pgd",
) -> Attack:
    """PGD on the difference of logits ratio (Croce and Hein 2020, arXiv:2003.01690); as `bim` else."""
    objective = DLR(targeted=goal == "targeted")
    return _attack(name, objective, SignStep(alpha), steps, LinfBall(epsilon), epsilon, alpha, discretization)


def _attack(
    name: str,
    objective: Objective,
    update: Update,
    steps: int,
    constraint: Constraint,
    epsilon: float,
    alpha: float,
    discretization: DiscretizationName,
) -> Attack:
    if not epsilon > 0 or not alpha > 0:
        raise AttackError(f"{name}: epsilon and alpha must be positive, got {epsilon} and {alpha}")
    return Attack(
        name=name,
        objective=objective,
        update=update,
        steps=steps,
        constraint=constraint,
        discretization=Discretization(discretization),
        space=Space.PIXEL,
    )
