"""Every number of an attack, with every value that it cannot have: an `AttackError` of one line that names it."""

import dataclasses
import math
from fractions import Fraction
from inspect import signature
from typing import get_args, get_type_hints

import numpy as np
import pytest
import torch

from presoftmax import attacks
from presoftmax.errors import AttackError

FUNCTIONS = {**attacks.POPULAR, "over-optimized": attacks.over_optimized, "composed": attacks.composed}
WORDS = {"kernel": "side of the kernel", "alpha": "alpha|the step size"}
NUMBERS = [
    (kind, name, hint)
    for kind, make in FUNCTIONS.items()
    for name, hint in get_type_hints(make).items()
    if name in signature(make).parameters and {int, float} & {hint, *get_args(hint)}
]
NEVER = [math.nan, math.inf, -math.inf, -1, True, False, "3", [1], 10**400, 10**30, 1e30, 1j, torch.tensor(1.0),
         np.array([1.0, 2.0])]  # fmt: skip
PIECES = [attacks.GradientStep, attacks.SignStep, attacks.NormalizedStep, attacks.MomentumSignStep, attacks.AdamStep,
          attacks.NesterovSignStep, attacks.CappedStep, attacks.LinfBall, attacks.L2Ball, attacks.L2Penalty,
          attacks.UniformNoise, attacks.Scaled, attacks.InputDiversity, attacks.RankedTargets, attacks.LevelTargets,
          attacks.CarliniWagner, attacks.Smoothed]  # fmt: skip


def refused(make, words):
    with pytest.raises(AttackError, match=words) as caught:
        make()
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


def test_what_is_walked_over():
    assert {name for _, name, _ in NUMBERS} == {
        "steps", "epsilon", "alpha", "decay", "copies", "probability", "rate", "kernel", "kappa", "c", "classes",
    }  # fmt: skip


@pytest.mark.parametrize(("kind", "name", "hint"), NUMBERS)
def test_no_attack_takes_a_number_that_makes_no_sense(kind, name, hint):
    optional = type(None) in get_args(hint)
    values = [*NEVER, *([1.5, 2.0, Fraction(3, 2)] if hint is int else []), *([] if optional else [None])]
    for value in values:
        refused(lambda value=value: FUNCTIONS[kind](**{name: value}), WORDS.get(name, name))


@pytest.mark.parametrize("value", NEVER, ids=range(len(NEVER)))
def test_nor_does_the_attack_on_several_classes(value):
    for name, given in (("steps", value), ("classes", value), ("alpha", (value, 1.0)), ("alpha", (0.1, value))):
        refused(lambda name=name, given=given: attacks.multi_class(**{name: given}), name)
    refused(lambda: attacks.multi_class(alpha=value), "alpha must be two positive numbers")


@pytest.mark.parametrize("piece", PIECES)
def test_nor_does_a_piece(piece):
    fixed = {"update": attacks.SignStep(1)} if piece is attacks.Smoothed else {}
    halves = {each.name: 0.5 for each in dataclasses.fields(piece) if each.name not in ("update", "targeted", "side")}
    piece(**fixed, **halves)
    for name in (*halves, *(["side"] if fixed else [])):
        for value in NEVER:
            if piece is not attacks.Scaled or value is not NEVER[3]:
                refused(lambda name=name, value=value: piece(**{**fixed, **halves, name: value}), "must|got")


def test_numbers_of_other_libraries_are_numbers():
    assert attacks.bim(steps=np.int64(3), epsilon=np.float32(0.1)).steps == 3
    assert attacks.pgd(alpha=Fraction(2, 255), epsilon=1).update.size == Fraction(2, 255)
    assert attacks.logit_attack(probability=0, kernel=1).steps == 300
    for bad in (-1, 1.5, True, 10**30):
        refused(lambda bad=bad: dataclasses.replace(attacks.bim(), num_targets=bad), "num_targets")
