"""Attacks as data: objectives, updates, constraints, views and starts, and the attacks composed of them."""

from typing import TYPE_CHECKING

from presoftmax.attacks.attack import Attack
from presoftmax.attacks.composed import ATTACKS, OBJECTIVES, UPDATES, composed, load_attack
from presoftmax.attacks.constraints import Constraint, L2Ball, L2Penalty, LinfBall, Unconstrained
from presoftmax.attacks.discretization import to_floats, to_pixels
from presoftmax.attacks.objectives import (
    DLR,
    CarliniWagner,
    CrossEntropy,
    FunctionLoss,
    Goal,
    LevelTargets,
    LossOfView,
    Objective,
    RankedTargets,
    TargetLogit,
    TargetMargin,
    as_objective,
)
from presoftmax.attacks.paper import multi_class, over_optimized
from presoftmax.attacks.popular import (
    POPULAR,
    bim,
    carlini_wagner,
    di_fgsm,
    dlr_pgd,
    logit_attack,
    margin_pgd,
    mi_fgsm,
    ni_fgsm,
    pgd,
    pgd_l2,
    si_ni_fgsm,
    ti_fgsm,
)
from presoftmax.attacks.randomness import Draws, seed_of
from presoftmax.attacks.spaces import Space
from presoftmax.attacks.starts import Start, UniformNoise
from presoftmax.attacks.targets import check_count, check_targets, draw_targets, runner_up
from presoftmax.attacks.transforms import Identity, InputDiversity, Scaled, View, scaled_copies
from presoftmax.attacks.updates import (
    AdamStep,
    CappedStep,
    Gradients,
    GradientStep,
    MomentumSignStep,
    NesterovSignStep,
    NormalizedStep,
    SignStep,
    Smoothed,
    Update,
)
from presoftmax.attacks.vanishing import vanished
from presoftmax.choices import Discretization, SecondTarget
from presoftmax.errors import face

__all__ = [
    "ATTACKS",
    "DLR",
    "OBJECTIVES",
    "POPULAR",
    "UPDATES",
    "AdamStep",
    "Attack",
    "CappedStep",
    "CarliniWagner",
    "Constraint",
    "CrossEntropy",
    "Discretization",
    "Draws",
    "FunctionLoss",
    "Goal",
    "GradientStep",
    "Gradients",
    "Identity",
    "InputDiversity",
    "L2Ball",
    "L2Penalty",
    "LevelTargets",
    "LinfBall",
    "LossOfView",
    "MomentumSignStep",
    "NesterovSignStep",
    "NormalizedStep",
    "Objective",
    "RankedTargets",
    "Scaled",
    "SecondTarget",
    "SignStep",
    "Smoothed",
    "Space",
    "Start",
    "TargetLogit",
    "TargetMargin",
    "Unconstrained",
    "UniformNoise",
    "Update",
    "View",
    "as_objective",
    "bim",
    "carlini_wagner",
    "check_count",
    "check_targets",
    "composed",
    "di_fgsm",
    "dlr_pgd",
    "draw_targets",
    "load_attack",
    "logit_attack",
    "margin_pgd",
    "mi_fgsm",
    "multi_class",
    "ni_fgsm",
    "over_optimized",
    "pgd",
    "pgd_l2",
    "runner_up",
    "scaled_copies",
    "seed_of",
    "si_ni_fgsm",
    "ti_fgsm",
    "to_floats",
    "to_pixels",
    "vanished",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = face(__name__, __all__)
