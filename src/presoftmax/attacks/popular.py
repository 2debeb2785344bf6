"""Attacks that people run, each a composition of the pieces, so that every iteration of them is recorded.

All but `carlini_wagner` work on [0, 1] pixels inside a ball around the clean image. They start at the clean image, but
for `pgd`. These arguments are common to them:

* ``steps``: iterations.
* ``epsilon``: radius of the ball, in [0, 1] units.
* ``alpha``: step size, likewise.
* ``goal``: away from the true class (``"untargeted"``), or towards the first target (``"targeted"``).
* ``discretization``: when the image is rounded.
* ``name``: how tables call it; the name of the function, with hyphens, when left out.

Values that make no sense raise `AttackError`.
"""

from collections.abc import Callable
from typing import TypedDict, Unpack

from presoftmax.attacks._checks import MOST_STEPS, between, positive, whole
from presoftmax.attacks.attack import Attack
from presoftmax.attacks.constraints import Constraint, L2Ball, L2Penalty, LinfBall
from presoftmax.attacks.objectives import DLR, CarliniWagner, CrossEntropy, Objective, TargetLogit
from presoftmax.attacks.spaces import Space
from presoftmax.attacks.starts import Start, UniformNoise
from presoftmax.attacks.transforms import Identity, InputDiversity, View, scaled_copies
from presoftmax.attacks.updates import (
    AdamStep,
    MomentumSignStep,
    NesterovSignStep,
    NormalizedStep,
    SignStep,
    Smoothed,
    Update,
)
from presoftmax.choices import AttackGoal, Discretization, choice
from presoftmax.errors import check_keywords

__all__ = [
    "POPULAR",
    "bim",
    "carlini_wagner",
    "di_fgsm",
    "dlr_pgd",
    "logit_attack",
    "margin_pgd",
    "mi_fgsm",
    "ni_fgsm",
    "pgd",
    "pgd_l2",
    "si_ni_fgsm",
    "ti_fgsm",
]


class Named(TypedDict, total=False):
    """What every attack here takes besides its sizes; see the module."""

    discretization: str
    name: str


class Common(Named, total=False):
    """What those take besides that can be targeted or not."""

    goal: str


def bim(steps: int = 10, epsilon: float = 8 / 255, alpha: float = 2 / 255, **common: Unpack[Common]) -> Attack:
    """Basic iterative method (Kurakin et al. 2017, arXiv:1607.02533); L-infinity PGD without a random start.

    ``x <- clip(x + alpha * sign(grad CE))`` in the L-infinity ball.
    """
    return _attack("bim", steps, LinfBall(epsilon), SignStep(alpha), **common)


def pgd(steps: int = 10, epsilon: float = 8 / 255, alpha: float = 2 / 255, **common: Unpack[Common]) -> Attack:
    """Projected gradient descent (Madry et al. 2018, arXiv:1706.06083): `bim` from a random start in the ball.

    The start makes iteration 1, so there are ``steps + 1`` iterations after the clean image.
    """
    start = UniformNoise(epsilon)
    whole("steps", steps, 1, MOST_STEPS)
    return _attack("pgd", steps + 1, LinfBall(epsilon), SignStep(alpha), start=start, **common)


def pgd_l2(steps: int = 10, epsilon: float = 1.0, alpha: float = 0.2, **common: Unpack[Common]) -> Attack:
    """L2 PGD (arXiv:1706.06083) without a random start: steps of length ``alpha`` in the L2 ball."""
    return _attack("pgd-l2", steps, L2Ball(epsilon), NormalizedStep(alpha), **common)


def mi_fgsm(
    steps: int = 10, epsilon: float = 8 / 255, alpha: float = 2 / 255, decay: float = 1.0, **common: Unpack[Common]
) -> Attack:
    """Momentum iterative FGSM (Dong et al. 2018, arXiv:1710.06081); ``decay`` of the momentum."""
    return _attack("mi-fgsm", steps, LinfBall(epsilon), MomentumSignStep(alpha, decay), **common)


def ni_fgsm(
    steps: int = 10, epsilon: float = 8 / 255, alpha: float = 2 / 255, decay: float = 1.0, **common: Unpack[Common]
) -> Attack:
    """Nesterov iterative FGSM (Lin et al. 2020, arXiv:1908.06281): `mi_fgsm` that looks ahead along its momentum."""
    return _attack("ni-fgsm", steps, LinfBall(epsilon), NesterovSignStep(alpha, decay), **common)


def si_ni_fgsm(
    steps: int = 10,
    epsilon: float = 8 / 255,
    alpha: float = 2 / 255,
    decay: float = 1.0,
    copies: int = 5,
    **common: Unpack[Common],
) -> Attack:
    """Scale-invariant `ni_fgsm` (arXiv:1908.06281): mean gradient of ``copies`` scaled by 1, 1/2, 1/4, ..."""
    update = NesterovSignStep(alpha, decay)
    return _attack("si-ni-fgsm", steps, LinfBall(epsilon), update, views=scaled_copies(copies), **common)


def di_fgsm(
    steps: int = 10,
    epsilon: float = 8 / 255,
    alpha: float = 2 / 255,
    decay: float = 1.0,
    probability: float = 0.5,
    rate: float = 0.9,
    **common: Unpack[Common],
) -> Attack:
    """`mi_fgsm` with input diversity (Xie et al. 2019, arXiv:1803.06978; see `InputDiversity`).

    That paper's DI-FGSM is without momentum (``decay=0``), its M-DI-FGSM with it.
    """
    views = (InputDiversity(probability, rate),)
    return _attack("di-fgsm", steps, LinfBall(epsilon), MomentumSignStep(alpha, decay), views=views, **common)


def ti_fgsm(
    steps: int = 10,
    epsilon: float = 8 / 255,
    alpha: float = 2 / 255,
    decay: float = 1.0,
    kernel: int = 15,
    **common: Unpack[Common],
) -> Attack:
    """`mi_fgsm` of smoothed gradients (translation-invariant, Dong et al. 2019, arXiv:1904.02884; see `Smoothed`)."""
    update = Smoothed(MomentumSignStep(alpha, decay), kernel)
    return _attack("ti-fgsm", steps, LinfBall(epsilon), update, **common)


def logit_attack(
    steps: int = 300,
    epsilon: float = 16 / 255,
    alpha: float = 2 / 255,
    decay: float = 1.0,
    probability: float = 0.7,
    kernel: int = 5,
    **named: Unpack[Named],
) -> Attack:
    """Targeted transfer by the target's logit, with momentum, input diversity and smoothed gradients.

    Zhao et al. 2021 (arXiv:2012.11207). Its loss is the objective of the over-optimized attack. ``probability=0`` and
    ``kernel=1`` leave the transforms out.
    """
    check_keywords("logit", named, Named.__annotations__, _ELSEWHERE)
    between("probability", probability, 0, 1)
    view: View = InputDiversity(probability) if probability else Identity()
    update = Smoothed(MomentumSignStep(alpha, decay), kernel)
    return _attack("logit", steps, LinfBall(epsilon), update, TargetLogit(), views=(view,), **named)


def margin_pgd(
    steps: int = 10, epsilon: float = 8 / 255, alpha: float = 2 / 255, kappa: float = 50.0, **common: Unpack[Common]
) -> Attack:
    """`bim` on the margin of Carlini and Wagner (arXiv:1608.04644), which stops rising at ``kappa``."""
    objective = CarliniWagner(kappa, _targeted(common))
    return _attack("margin-pgd", steps, LinfBall(epsilon), SignStep(alpha), objective, **common)


def dlr_pgd(steps: int = 10, epsilon: float = 8 / 255, alpha: float = 2 / 255, **common: Unpack[Common]) -> Attack:
    """`bim` on the difference of logits ratio (Croce and Hein 2020, arXiv:2003.01690)."""
    return _attack("dlr-pgd", steps, LinfBall(epsilon), SignStep(alpha), DLR(_targeted(common)), **common)


def carlini_wagner(
    steps: int = 50, c: float = 1.0, kappa: float = 0.0, alpha: float = 0.01, **common: Unpack[Common]
) -> Attack:
    """The L2 attack of Carlini and Wagner (2017, arXiv:1608.04644) at one ``c``: small perturbations, by Adam.

    Minimizes ``||x - clean||^2 - c * min(margin, kappa)`` over ``w`` with ``x = (tanh(w) + 1) / 2``. The paper searches
    for the best ``c`` of each image: run several. What it returns is the nearest image that fooled the source, which
    here is a row of the `steps` table, and ``keep="all"`` keeps its picture.

    Args:
        steps: iterations.
        c: weight of the margin against the squared L2 distance (in [0, 1] units).
        kappa: margin, in logits, that is enough.
        alpha: learning rate of Adam, in the space of ``w``.
        common: see the module.
    """
    objective = CarliniWagner(kappa, _targeted(common))
    penalty = L2Penalty(1 / positive("c", c))
    return _attack("carlini-wagner", steps, penalty, AdamStep(alpha), objective, space=Space.TANH, **common)


POPULAR: dict[str, Callable[..., Attack]] = {
    "bim": bim,
    "pgd": pgd,
    "pgd-l2": pgd_l2,
    "mi-fgsm": mi_fgsm,
    "ni-fgsm": ni_fgsm,
    "si-ni-fgsm": si_ni_fgsm,
    "di-fgsm": di_fgsm,
    "ti-fgsm": ti_fgsm,
    "logit": logit_attack,
    "margin-pgd": margin_pgd,
    "dlr-pgd": dlr_pgd,
    "carlini-wagner": carlini_wagner,
}
"""The attacks of this module by the name that they give themselves."""


_ELSEWHERE = {
    "eps": "the radius is epsilon, in [0, 1] units",
    "radius": "the radius is epsilon, in [0, 1] units",
    "max_eps": "the radius is epsilon, in [0, 1] units",
    "eps_iter": "the step size is alpha, in [0, 1] units",
    "step_size": "the step size is alpha, in [0, 1] units",
    "stepsize": "the step size is alpha, in [0, 1] units",
    "lr": "the step size is alpha",
    "nb_iter": "iterations are steps",
    "max_iter": "iterations are steps",
    "num_steps": "iterations are steps",
    "iterations": "iterations are steps",
    "targeted": 'say goal="targeted" or goal="untargeted"',
    "mode": 'say goal="targeted" or goal="untargeted"',
    "random_start": "pgd starts at random, bim is the same from the clean image",
    "rand_init": "pgd starts at random, bim is the same from the clean image",
    "restarts": "run it several times with another seed",
    "confidence": "the margin that is enough is kappa",
    "norm": "the ball is that of the attack: pgd for L-infinity, pgd_l2 for L2",
    "targets": "targets go to trace(..., targets=)",
    "labels": "labels go to trace(attack, source, images, labels)",
}
"""What other libraries call the settings, and what is said of each here."""


def _targeted(common: Common) -> bool:
    goal = choice(AttackGoal, common.get("goal", AttackGoal.UNTARGETED), "goal")
    return goal is AttackGoal.TARGETED


def _attack(
    kind: str,
    steps: int,
    constraint: Constraint,
    update: Update,
    objective: Objective | None = None,
    *,
    space: Space = Space.PIXEL,
    start: Start | None = None,
    views: tuple[View, ...] = (Identity(),),
    **common: Unpack[Common],
) -> Attack:
    check_keywords(kind, common, Common.__annotations__, _ELSEWHERE)
    return Attack(
        name=common.get("name", kind),
        objective=objective or CrossEntropy(targeted=_targeted(common)),
        update=update,
        steps=steps,
        constraint=constraint,
        discretization=choice(
            Discretization, common.get("discretization", Discretization.STRAIGHT_THROUGH), "discretization"
        ),
        space=space,
        start=start,
        views=views,
    )
