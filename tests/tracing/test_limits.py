"""An example that is as strong as wanted stays as it is; an attack that costs too much does not begin."""

from dataclasses import replace

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import presoftmax as ps
from presoftmax.errors import AttackError
from presoftmax.text import counted
from tests.conftest import Counting, Tiny, make_set

STEPS = 6
ATTACKS = {
    "over-optimized": ps.attacks.over_optimized(steps=STEPS, alpha=0.05),
    "every step": ps.attacks.over_optimized(steps=STEPS, alpha=0.2, discretization="every-step"),
    "final": ps.attacks.over_optimized(steps=STEPS, alpha=0.05, discretization="final"),
    "several classes": ps.attacks.multi_class(steps=STEPS, classes=2),
    "untargeted": ps.attacks.bim(STEPS, epsilon=16 / 255, alpha=2 / 255),
    "a random start": ps.attacks.pgd(STEPS, epsilon=16 / 255, alpha=2 / 255),
    "momentum": ps.attacks.mi_fgsm(STEPS, epsilon=16 / 255),
    "looks ahead": ps.attacks.ni_fgsm(STEPS, epsilon=16 / 255),
    "tanh": ps.attacks.carlini_wagner(steps=STEPS),
    "views": ps.attacks.si_ni_fgsm(STEPS, epsilon=16 / 255),
}
pytestmark = pytest.mark.filterwarnings("ignore::presoftmax.errors.PresoftmaxWarning")


def run(attack, **options):
    net = Tiny(0)
    return ps.trace(attack, net, make_set(net, 5), victims={"v": Tiny(1)}, keep="all", accelerate=False, **options)


@pytest.mark.parametrize("name", ATTACKS)
@given(place=st.floats(0.01, 0.99), batch=st.sampled_from([2, 5]))
@settings(max_examples=6, deadline=None)
def test_until_it_is_reached_nothing_is_different_and_then_nothing_moves(name, place, batch):
    free = run(ATTACKS[name], batch_size=batch)
    score = "group_log_odds" if ATTACKS[name].num_targets else "misclassification_log_odds"
    low, high = free.steps[score].min(), free.steps[score].max()
    last = ATTACKS[name].steps
    stop_at = low + place * (high - low)
    held = run(ATTACKS[name], batch_size=batch, stop_at=stop_at)
    assert held.steps.height == free.steps.height
    assert held.transfers.height == free.transfers.height
    for number, example in enumerate(held.job.examples.ids):
        ours, theirs = (t.steps.filter(pl.col("example") == example).sort("iteration") for t in (held, free))
        over = [value >= stop_at for value in theirs[score]]
        at = over.index(True) if True in over else last
        columns = [column for column in ours.columns if column != "gradient_vanished"]
        assert ours[: at + 1].select(columns).equals(theirs[: at + 1].select(columns))
        assert ours[:at].equals(theirs[:at])
        seen, free_seen = (t.transfers.filter(pl.col("example") == example).sort("iteration") for t in (held, free))
        assert seen[: at + 1].equals(free_seen[: at + 1])
        for iteration in range(at, last + 1):
            assert held.images_at(iteration)[number].equal(held.images_at(at)[number])
        assert sum(ours["changed"].to_list()[at + 1 :]) == 0
        # Only a step that is taken can go nowhere.
        assert not any(ours["gradient_vanished"].to_list()[at:])


def test_the_last_images_and_the_floats_behind_them_are_those_of_the_stop():
    held = run(ATTACKS["untargeted"], stop_at=-1000)
    assert held.images.equal(held.job.examples.images)
    assert held.float_images.equal(held.job.examples.images.float() / 255)
    halted = ps.analysis.halted_at(held.steps)["halted_at"]
    assert halted.to_list() == [0] * 5
    assert held.job.describe()["stop_at"] == -1000


@pytest.mark.filterwarnings("error::presoftmax.errors.PresoftmaxWarning")
def test_an_example_that_moves_no_more_has_no_gradient_that_vanished():
    steep = Tiny(0, gain=4000)
    attack = ps.attacks.composed("cross-entropy", "sign", steps=3, alpha=1 / 255, epsilon=8 / 255)
    with pytest.warns(ps.errors.PresoftmaxWarning, match="the gradient vanished"):
        ps.trace(attack, steep, make_set(steep, 3))
    held = ps.trace(attack, steep, make_set(steep, 3), stop_at=100)
    assert not held.steps["gradient_vanished"].any()


def test_what_counts_is_the_image_of_8_bits():
    """Steps far below a grey level make the float image stronger, and leave the rounded one as it is."""
    attack = ps.attacks.over_optimized(steps=STEPS, alpha=1e-5, discretization="final")
    free = run(attack)
    assert free.steps["changed"].sum() == 0
    held = run(attack, stop_at=free.steps["group_log_odds"].max() + 1e-9)
    assert held.float_images.equal(free.float_images)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "20", True])
def test_what_is_no_log_odds_is_refused(value):
    with pytest.raises((AttackError, TypeError), match="stop_at"):
        run(ATTACKS["untargeted"], stop_at=value)


class Refuses(nn.Module):
    def forward(self, x):
        raise AssertionError("it ran")


@pytest.mark.parametrize("name", ATTACKS)
def test_the_budget_is_what_the_source_is_asked_and_says_how_many_steps_it_is_enough_for(name):
    attack, source = ATTACKS[name], Counting(Tiny(0))
    photos = make_set(Tiny(0), 3)
    exact = ps.trace(attack, source, photos, accelerate=False, batch_size=3)
    cost = source.forwards + source.backwards
    assert exact.job.describe()["source_passes"] == cost
    assert ps.prepare(attack, source, photos, accelerate=False, budget=cost).budget == cost
    for budget in range(cost):
        with pytest.raises(AttackError, match=rf"the budget is {budget}: ") as found:
            ps.trace(attack, Refuses(), photos, budget=budget)
        enough = str(found.value).rpartition(": ")[2]
        steps = [n for n in range(1, attack.steps) if costs(replace(attack, steps=n)) <= budget]
        assert enough == (
            f"it is enough for {counted(steps[-1], 'step')}"
            if steps
            else f"one step needs {costs(replace(attack, steps=1))}"
        )


def costs(attack):
    return attack.source_forwards + attack.source_backwards
