"""Attacks as data: objectives, updates, constraints and the pixel lattice, and the attacks composed of them."""

from presoftmax.attacks.attack import Attack, SecondTarget
from presoftmax.attacks.constraints import Constraint, L2Ball, L2Price, LinfBall, Unconstrained
from presoftmax.attacks.discretization import Discretization, to_floats, to_pixels
from presoftmax.attacks.hashing import number_of
from presoftmax.attacks.objectives import (
    DLR,
    CarliniWagner,
    CrossEntropy,
    Goal,
    LevelTargets,
    Objective,
    RankedTargets,
    TargetLogit,
    TargetMargin,
)
from presoftmax.attacks.paper import BalanceName, DiscretizationName, multi_class, over_optimized
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
from presoftmax.attacks.randomness import Draws
from presoftmax.attacks.spaces import Space
from presoftmax.attacks.starts import Start, UniformNoise
from presoftmax.attacks.targets import check_count, check_targets, draw_targets, runner_up
from presoftmax.attacks.transforms import InputDiversity, ScaledCopies, View
from presoftmax.attacks.updates import (
    AdamStep,
    CappedStep,
    GradientStep,
    MomentumSignStep,
    NesterovSignStep,
    NormalizedStep,
    SignStep,
    Smoothed,
    Update,
)

__all__ = [
    "DLR",
    "POPULAR",
    "AdamStep",
    "Attack",
    "BalanceName",
    "CappedStep",
    "CarliniWagner",
    "Constraint",
    "CrossEntropy",
    "Discretization",
    "DiscretizationName",
    "Draws",
    "Goal",
    "GradientStep",
    "InputDiversity",
    "L2Ball",
    "L2Price",
    "LevelTargets",
    "LinfBall",
    "MomentumSignStep",
    "NesterovSignStep",
    "NormalizedStep",
    "Objective",
    "RankedTargets",
    "ScaledCopies",
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
    "bim",
    "carlini_wagner",
    "check_count",
    "check_targets",
    "di_fgsm",
    "dlr_pgd",
    "draw_targets",
    "logit_attack",
    "margin_pgd",
    "mi_fgsm",
    "multi_class",
    "ni_fgsm",
    "number_of",
    "over_optimized",
    "pgd",
    "pgd_l2",
    "runner_up",
    "si_ni_fgsm",
    "ti_fgsm",
    "to_floats",
    "to_pixels",
]
