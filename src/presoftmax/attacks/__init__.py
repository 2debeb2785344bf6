"""Attacks as data: objectives, updates, constraints and the pixel lattice, and the attacks composed of them."""

from presoftmax.attacks.attack import Attack, SecondTarget, Space
from presoftmax.attacks.constraints import Constraint, L2Ball, LinfBall, Unconstrained
from presoftmax.attacks.lattice import Discretization, to_floats, to_pixels
from presoftmax.attacks.library import multi_class, over_optimized
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
from presoftmax.attacks.popular import bim, dlr_pgd, logit_attack, margin_pgd, mi_fgsm, pgd_l2
from presoftmax.attacks.targets import check_count, check_targets, draw_targets, runner_up
from presoftmax.attacks.updates import (
    CappedStep,
    GradientStep,
    MomentumSignStep,
    NormalizedStep,
    SignStep,
    Update,
)

__all__ = [
    "DLR",
    "Attack",
    "CappedStep",
    "CarliniWagner",
    "Constraint",
    "CrossEntropy",
    "Discretization",
    "Goal",
    "GradientStep",
    "L2Ball",
    "LevelTargets",
    "LinfBall",
    "MomentumSignStep",
    "NormalizedStep",
    "Objective",
    "RankedTargets",
    "SecondTarget",
    "SignStep",
    "Space",
    "TargetLogit",
    "TargetMargin",
    "Unconstrained",
    "Update",
    "bim",
    "check_count",
    "check_targets",
    "dlr_pgd",
    "draw_targets",
    "logit_attack",
    "margin_pgd",
    "mi_fgsm",
    "multi_class",
    "over_optimized",
    "pgd_l2",
    "runner_up",
    "to_floats",
    "to_pixels",
]
