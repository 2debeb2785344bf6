"""Objectives, updates, constraints and the lattice, each by itself."""

import dataclasses

import pytest
import torch
import torch.nn.functional as F

import presoftmax as ps
from presoftmax import attacks
from presoftmax.errors import AttackError
from tests.conftest import Tiny, make_set

LOGITS = torch.tensor([[1.0, 5.0, 3.0, 2.0], [0.0, -1.0, 4.0, 4.0]])
GOAL = attacks.Goal.of(torch.tensor([3, 1]), torch.tensor([[1, 0, 2], [2, 3, 0]]))


def gradient_of(objective, logits=LOGITS, goal=GOAL):
    leaf = logits.clone().requires_grad_()
    return torch.autograd.grad(objective(leaf[None], goal).sum(), leaf)[0]


def test_target_logit():
    assert attacks.TargetLogit()(LOGITS[None], GOAL).tolist() == [5.0, 4.0]
    assert gradient_of(attacks.TargetLogit()).tolist() == [[0, 1, 0, 0], [0, 0, 1, 0]]


def test_ranked_targets_fall_linearly_with_the_rank():
    objective = attacks.RankedTargets(0.05, 0.1)
    gradient = gradient_of(objective)
    # Targets of the first row have logits 5, 1, 3 (classes 1, 0, 2); of the second 4, 4, 0 (classes 2, 3, 0).
    torch.testing.assert_close(gradient[0], torch.tensor([0.1, 0.05, 0.075, 0]))
    torch.testing.assert_close(gradient[1], torch.tensor([0.1, 0, 0.075, 0.05]))


def test_level_targets_pull_the_lowest():
    gradient = gradient_of(attacks.LevelTargets(temperature=0.5))
    assert gradient[0, 0] > 0.95
    assert gradient.sum(dim=1).tolist() == pytest.approx([1, 1])
    level = gradient_of(attacks.LevelTargets(), torch.zeros(2, 4))
    assert level[0].tolist() == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0])


def test_margin_and_cross_entropy():
    assert attacks.TargetMargin()(LOGITS[None], GOAL).tolist() == [2.0, 0.0]
    log_p = F.log_softmax(LOGITS, 1)
    torch.testing.assert_close(attacks.CrossEntropy()(LOGITS[None], GOAL), log_p[[0, 1], [1, 2]])
    torch.testing.assert_close(attacks.CrossEntropy(targeted=False)(LOGITS[None], GOAL), -log_p[[0, 1], [3, 1]])


GRADIENT = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))


def test_memoryless_updates():
    assert torch.equal(attacks.GradientStep(2.0).step((GRADIENT,), None)[0], 2 * GRADIENT)
    assert torch.equal(attacks.SignStep(0.5).step((GRADIENT,), None)[0], 0.5 * GRADIENT.sign())
    lengths = attacks.NormalizedStep(3.0).step((GRADIENT,), None)[0].flatten(1).norm(dim=1)
    torch.testing.assert_close(lengths, torch.full((2,), 3.0))
    assert attacks.NormalizedStep(3.0).step((torch.zeros(1, 3, 2, 2),), None)[0].abs().sum() == 0


def test_capped_step_promises_no_more_than_its_cap():
    step, _ = attacks.CappedStep(0.5, max_gain=1.0).step((GRADIENT,), None)
    promised = (step * GRADIENT).flatten(1).sum(1)
    torch.testing.assert_close(promised, torch.ones(2))
    gentle = 0.01 * GRADIENT
    assert torch.equal(attacks.CappedStep(0.5, max_gain=1.0).step((gentle,), None)[0], 0.5 * gentle)
    assert attacks.CappedStep(0.5, 1.0).step((torch.zeros(1, 3, 2, 2),), None)[0].abs().sum() == 0


def test_momentum_gathers_normalized_gradients():
    update = attacks.MomentumSignStep(1.0, decay=0.9)
    state = update.start(GRADIENT)
    momentum = torch.zeros_like(GRADIENT)
    for scale in (1.0, -3.0, 7.0):
        step, state = update.step((scale * GRADIENT.roll(int(scale), 2),), state)
        fresh = scale * GRADIENT.roll(int(scale), 2)
        momentum = 0.9 * momentum + fresh / fresh.abs().mean((1, 2, 3), keepdim=True)
        assert torch.equal(step, momentum.sign())


def test_constraints():
    clean, far = torch.full((1, 3, 2, 2), 0.5), torch.ones(1, 3, 2, 2)
    assert torch.equal(attacks.Unconstrained().project(far, clean), far)
    assert attacks.LinfBall(0.1).project(far, clean).unique().tolist() == pytest.approx([0.6])
    assert (attacks.L2Ball(0.3).project(far, clean) - clean).norm().item() == pytest.approx(0.3)
    near = clean + 0.01
    assert torch.equal(attacks.L2Ball(0.3).project(near, clean), near)


def test_the_lattice_is_left_by_nothing_and_kept_by_rounding():
    every = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    assert torch.equal(attacks.to_pixels(attacks.to_floats(every)), every)
    assert attacks.to_pixels(torch.tensor([-0.2, 1.3, 0.5 / 255, 1.5 / 255, 0.998])).tolist() == [
        0,
        255,
        0,
        2,
        254,
    ]


@pytest.mark.parametrize("k", [2, 3, 4])
def test_level_balance_brings_confidence_to_one_over_k(k):
    photos = make_set(Tiny(), count=4)
    level = ps.attacks.multi_class(300, k, (0.2, 0.4), "level")
    closer = dataclasses.replace(level, objective=attacks.LevelTargets(temperature=0.3))
    ranked = ps.attacks.multi_class(300, k, (0.2, 0.4), "rank")
    ends = [ps.trace(attack, Tiny(), photos).steps.filter(iteration=300) for attack in (closer, level, ranked)]
    assert ends[0]["confidence"].to_list() == pytest.approx([1 / k] * 4, abs=0.12)
    means = [end["confidence"].mean() for end in ends]
    assert means[0] < means[1] < means[2]
    assert all(end["group_log_odds"].min() > 2 for end in ends)


def test_attacks_refuse_nonsense():
    for build, message in (
        (lambda: attacks.over_optimized(0), "steps must be at least 1"),
        (lambda: attacks.over_optimized(alpha=0), "alpha must be positive"),
        (lambda: attacks.over_optimized(alpha=float("nan")), "alpha must be positive"),
        (
            lambda: attacks.over_optimized(discretization="never"),
            "discretization must be one of every-step, ",
        ),
        (lambda: attacks.over_optimized(space="outer"), "space must be one of normalized, pixel"),
        (lambda: attacks.multi_class(classes=1), "at least 2 target classes"),
        (lambda: attacks.multi_class(alpha=(0.1, 0.05)), "the smaller one first"),
        (lambda: attacks.multi_class(balance="even"), "balance must be rank or level"),
        (lambda: attacks.multi_class(classes=3, second_target="runner-up"), "second target of two"),
    ):
        with pytest.raises(AttackError, match=message):
            build()


def test_an_attack_describes_itself_in_plain_values():
    described = attacks.multi_class(7, balance="level").describe()
    assert described["objective"] == {"kind": "LevelTargets", "temperature": 1.0}
    assert described["update"]["kind"] == "CappedStep"
    assert (described["steps"], described["discretization"], described["space"]) == (
        7,
        "straight-through",
        "normalized",
    )
    custom = dataclasses.replace(attacks.over_optimized(), objective=gradient_of)
    assert custom.describe()["objective"]["function"] == {"kind": "gradient_of"}
