"""Attackers who know the detector: what they must find, and what can only help them."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

import presoftmax as ps
from presoftmax.attacks import Goal, Identity, LinfBall, SignStep, composed, pgd
from presoftmax.defense import (
    ATTACKERS,
    Detector,
    Fisher,
    Flip,
    GaussianNoise,
    Mahalanobis,
    MaxLogit,
    MimicryBank,
    answers_of,
    mimicking,
    orthogonal,
    penalized,
    selective,
    with_drawn_noise,
)
from presoftmax.defense.attackers import mimicked
from presoftmax.errors import AttackError
from tests.conftest import SIZE, Tiny, make_images, make_set
from tests.defense.natural import natural_logits

EPSILON = 16 / 255
PLAIN = composed("target-logit", "sign", steps=6, alpha=4 / 255, epsilon=EPSILON, name="plain")


@pytest.fixture(scope="module")
def network():
    return Tiny()


@pytest.fixture(scope="module")
def natural():
    return make_images(60, seed=3)


@pytest.fixture(scope="module")
def fisher(network, natural):
    return Fisher().fit(network, natural)


@pytest.mark.parametrize("attack", [PLAIN, pgd(steps=5, goal="untargeted")], ids=["targeted", "untargeted"])
def test_without_a_penalty_it_is_the_plain_attack(network, fisher, attack):
    photos = make_set(network)
    plain, free = (ps.trace(each, network, photos) for each in (attack, penalized(attack, fisher, weight=0)))
    assert torch.equal(plain.images, free.images)
    kept = [name for name in plain.steps.columns if name != "attack"]
    assert plain.steps.select(kept).equals(free.steps.select(kept))


def passing(network, detector, photos, attack):
    """Share of the images of which some iterate of the last ten fools the network, and is not flagged at 5 %."""
    done = ps.trace(attack, network, photos, keep="all")
    passed = torch.zeros(len(photos), dtype=torch.bool)
    for iteration in range(attack.steps - 9, attack.steps + 1):
        images = done.images_at(iteration)
        wrong = answers_of(network, images, (Identity(),))[0].argmax(dim=1) != photos.labels
        passed |= wrong & (detector.p_value(network, images) > 0.05)
    return float(passed.float().mean())


@pytest.mark.parametrize("attacker", ATTACKERS)
def test_every_attacker_passes_where_the_plain_attack_is_flagged(network, attacker):
    detector = MaxLogit().fit(network, make_images(60, seed=3))
    photos, attack = make_set(network, 12), replace(PLAIN, steps=30, constraint=LinfBall(0.3))
    plain = passing(network, detector, photos, attack)
    assert plain < 0.3
    assert passing(network, detector, photos, ATTACKERS[attacker](attack, detector)) > plain + 0.2


class Planted(nn.Module):
    """Two logits of which the second wins in one small place of the ball: everywhere else the first does."""

    def __init__(self, spot: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("spot", spot)

    def forward(self, images):
        near = (images - self.spot).flatten(1).square().mean(dim=1).sqrt()
        return torch.stack((0 * near, 4 - 150 * near, near * 0 - 3), dim=1)


class Watches(Detector):
    """Suspicious of everything whose third view... of nothing but a margin between 0 and what the spot itself has."""

    kind = "watches"

    def statistic(self, logits):
        return logits[0][:, 2] * 0 + (3.0 - logits[0][:, 1]).clamp_min(0) * (logits[0][:, 1] > logits[0][:, 0])


@pytest.mark.parametrize("attacker", ATTACKERS)
def test_an_example_that_was_planted_is_found(attacker):
    """Zimmermann et al. 2022, arXiv:2208.08297: an attack that cannot find what is there says nothing of a defense.

    The one place of the ball where the model is wrong and the detector is silent is known: halfway to an edge.
    """
    clean = torch.full((1, 3, SIZE, SIZE), 128, dtype=torch.uint8)
    spot = clean.float() / 255 + EPSILON * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0)).clamp(
        -0.9, 0.9
    )
    network = Planted(spot)
    detector = Watches()
    detector.keep("calibration", torch.linspace(0, 1, 100).double())
    base = replace(composed("target-logit", "sign", steps=60, alpha=1 / 255, epsilon=EPSILON))
    done = ps.trace(ATTACKERS[attacker](base, detector), network, clean, [0], targets=1, keep="all")
    found = []
    for iteration in range(61):
        images = done.images_at(iteration)
        wrong = int(answers_of(network, images, (Identity(),))[0].argmax()) == 1
        found.append(wrong and float(detector.score(network, images)) <= detector.threshold(0.05))
    assert any(found)


def test_orthogonal_steps_leave_the_other_number_alone(network, fisher):
    attack = orthogonal(PLAIN, fisher)
    first, second = (torch.randn(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(i)) for i in (0, 1))
    plain = replace(attack.update, update=ps.attacks.GradientStep(1.0))
    against = (first * second).sum(dim=(1, 2, 3), keepdim=True).sign()
    second = -against * second
    step, _ = plain.step((first, second), None)
    assert torch.allclose((step * second).sum(dim=(1, 2, 3)), torch.zeros(2), atol=1e-4)
    for harmless in (torch.zeros_like(second), first):
        untouched, _ = plain.step((first, harmless), None)
        assert torch.equal(untouched, first)


def test_mimicry_of_a_clean_image_is_exact_and_passes(network, natural, fisher):
    """A model shown a natural image answers as the natural image does: nobody who sees only logits can flag it."""
    bank = MimicryBank.of(network, natural, fisher.views)
    assert torch.allclose(bank.logits.double(), answers_of(network, natural, bank.views), atol=1e-5)
    rows = [bank.views.index(view) for view in fisher.views]
    p = fisher.p_value(logits=bank.logits[rows])
    assert float((p <= 0.1).float().mean()) < 0.3
    objective = mimicking(PLAIN, bank).objective
    goal = Goal.of(torch.zeros(len(natural), dtype=torch.long), bank.logits[0].argmax(dim=1)[:, None])
    wanted = mimicked(bank.logits, goal)
    assert torch.equal(objective(wanted, goal), torch.zeros(len(natural)))
    assert bool((objective(wanted + 1, goal) < -0.99).all())


def test_mimicry_wants_the_target_class_also_where_the_bank_has_none_of_it():
    bank = natural_logits(10, 0, 2).float()
    bank[0, :, 4] = -50
    goal = Goal.of(torch.tensor([0, 1]), torch.tensor([[4], [2]]))
    wanted = mimicked(bank, goal)
    assert wanted[0].argmax(dim=1).tolist() == [4, 2]
    assert sorted(wanted[0, 0].tolist()) in [sorted(row.tolist()) for row in bank[0]]


def test_mimicry_comes_nearer_step_by_step(network, natural):
    bank = MimicryBank.of(network, natural, (Identity(), Flip()))
    photos = make_set(network, 6)
    attack = mimicking(composed("target-logit", "sign", steps=30, alpha=2 / 255, epsilon=0.3), bank)
    done = ps.trace(attack, network, photos, keep="all")
    off = []
    for iteration in (0, 10, 30):
        logits = answers_of(network, done.images_at(iteration), bank.views).float()
        targets = torch.tensor(done.steps.filter(ps_iteration(0))["targets"].to_list())
        goal = Goal(photos.labels, targets, torch.arange(len(photos)))
        off.append(float((logits - mimicked(bank.logits, goal)).square().mean()))
    assert off[0] > off[1] > off[2]


def ps_iteration(number):
    import polars as pl

    return pl.col("iteration") == number


def test_who_does_not_know_the_noise_draws_it_anew(network, fisher):
    known = penalized(PLAIN, fisher)
    drawn = with_drawn_noise(known)
    assert [view.seed for view in drawn.views if isinstance(view, GaussianNoise)] == [None] * 4
    photos = make_set(network)
    assert not torch.equal(ps.trace(known, network, photos).images, ps.trace(drawn, network, photos).images)
    again = ps.trace(drawn, network, photos, batch_size=2)
    assert torch.equal(ps.trace(drawn, network, photos).images, again.images)


def test_what_makes_no_sense_is_refused(fisher):
    with pytest.raises(AttackError, match="at least 0"):
        penalized(PLAIN, fisher, weight=-1)
    with pytest.raises(AttackError, match="at least 0"):
        penalized(PLAIN, fisher, weight=math.nan)
    with pytest.raises(AttackError, match="mahalanobis is not fitted"):
        penalized(PLAIN, Mahalanobis())
    with pytest.raises(AttackError, match="of one number"):
        penalized(orthogonal(PLAIN, fisher), fisher)
    with pytest.raises(AttackError, match="no natural image"):
        mimicking(PLAIN, MimicryBank((Identity(),), torch.zeros(1, 0, 3)))


def test_the_ball_and_the_steps_stay_those_of_the_attack(fisher):
    for attacker in (penalized, selective, orthogonal):
        made = attacker(PLAIN, fisher)
        assert (made.constraint, made.steps) == (LinfBall(EPSILON), PLAIN.steps)
        assert made.name == f"plain-{attacker.__name__}"
    assert penalized(PLAIN, fisher).update == SignStep(4 / 255)
