"""What fits the one loop: objectives of several views, updates of several gradients, attacks without targets."""

from dataclasses import dataclass
from typing import ClassVar

import polars as pl
import pytest
import torch
from torch import nn

import presoftmax as ps
from presoftmax import attacks
from presoftmax.attacks import Identity, LossOfView, Objective, Scaled, Update
from presoftmax.errors import AttackError, DataError
from tests.conftest import CLASSES, Counting, Tiny, make_set

STEPS = 4


@dataclass(frozen=True)
class Flip:
    def __call__(self, images, draws):
        return images.flip(3)


@dataclass(frozen=True)
class AgreementOfViews(Objective):
    """The target's logit, less how far the other views are from the first: it needs the logits of all of them."""

    def __call__(self, logits, goal):
        target = logits[0].gather(1, goal.targets[:, :1])[:, 0]
        return target - 0.01 * (logits[1:] - logits[:1]).square().sum(dim=(0, 2))


@dataclass(frozen=True)
class TowardsExamples(LossOfView):
    """Each example's own row of a table: it needs to know which example it is about."""

    wanted: torch.Tensor

    def loss(self, logits, goal):
        return -(logits - self.wanted[goal.examples]).square().sum(dim=1)


class TargetAndTrueClass(Objective):
    gradients: ClassVar[int] = 2

    def __call__(self, logits, goal):
        z = logits[0]
        return torch.stack([z.gather(1, goal.targets[:, :1])[:, 0], z.gather(1, goal.labels[:, None])[:, 0]])


@dataclass(frozen=True)
class Orthogonal(Update):
    """A step along the first gradient, projected off the second."""

    size: float
    gradients: ClassVar[int] = 2

    def step(self, gradients, state):
        first, second = gradients
        shared = (first * second).sum(dim=(1, 2, 3), keepdim=True)
        length = second.square().sum(dim=(1, 2, 3), keepdim=True)
        return self.size * (first - shared / length * second), state


def composed(objective, update=None, **options):
    return attacks.Attack("mine", objective, update or attacks.GradientStep(0.02), STEPS, **options)


def by_hand(network, photos, targets, objective, views, update=None):
    """The same attack, as one would write it down: float images, rounded where the network looks."""
    floats, seen = photos.images.float() / 255, []
    update = update or attacks.GradientStep(0.02)
    goal = attacks.Goal(photos.labels, targets, torch.arange(len(photos)))
    for _ in range(STEPS):
        shown = ((floats * 255).round().clamp(0, 255) / 255).requires_grad_()
        logits = torch.stack([network(view(shown, None)) for view in views])
        values = objective(logits, goal).reshape(objective.gradients, -1)
        gradients = tuple(torch.autograd.grad(each.sum(), shown, retain_graph=True)[0] for each in values)
        floats = (floats + update.step(gradients, None)[0]).clamp(0, 1)
        seen.append((floats * 255).round().to(torch.uint8))
    return seen


def same_images(trace, expected):
    for iteration, images in enumerate(expected, 1):
        off = (trace.images_at(iteration).int() - images.int()).abs()
        assert off.max() <= 1, iteration
        assert (off > 0).float().mean() < 0.01


def test_an_objective_sees_the_logits_of_all_views(photos, tiny):
    counting = Counting(tiny)
    attack = composed(AgreementOfViews(), views=(Identity(), Flip(), Scaled(0.5)), space=attacks.Space.PIXEL)
    trace = ps.trace(attack, counting, photos, targets=_targets(photos), keep="all")
    same_images(trace, by_hand(tiny, photos, _targets(photos), attack.objective, attack.views))
    # The recorded pass is the first view; the other two cost a pass each, at every iteration but the last.
    assert counting.forwards == (STEPS + 1) + 2 * STEPS == attack.source_forwards
    assert attack.source_backwards == 3 * STEPS


def test_an_objective_of_one_view_is_averaged_over_several(photos, tiny):
    views = (Flip(), Scaled(0.5))
    attack = composed(attacks.TargetLogit(), views=views, space=attacks.Space.PIXEL)
    trace = ps.trace(attack, tiny, photos, targets=_targets(photos), keep="all")
    floats = (photos.images.float() / 255).requires_grad_()
    losses = [tiny(view(floats, None)).gather(1, _targets(photos))[:, 0] for view in views]
    gradient = torch.autograd.grad(torch.stack(losses).mean(dim=0).sum(), floats)[0]
    expected = ((floats.detach() + 0.02 * gradient).clamp(0, 1) * 255).round().to(torch.uint8)
    assert torch.equal(trace.images_at(1), expected)


def test_an_objective_knows_which_example_it_is_about(tiny):
    photos = make_set(tiny, count=7)
    wanted = torch.randn(7, CLASSES, generator=torch.Generator().manual_seed(3))
    attack = composed(TowardsExamples(wanted), attacks.GradientStep(1e-4), space=attacks.Space.PIXEL)
    targets = _targets(photos)
    whole = ps.trace(attack, tiny, photos, targets=targets)
    # In batches of three an example is still itself.
    parts = ps.trace(attack, tiny, photos, targets=targets, batch_size=3)
    assert (whole.images.int() - parts.images.int()).abs().max() <= 1
    expected = by_hand(tiny, photos, targets, attack.objective, (Identity(),), attacks.GradientStep(1e-4))
    assert (whole.images.int() - expected[-1].int()).abs().max() <= 1


def test_an_update_takes_as_many_gradients_as_the_objective_gives(photos, tiny):
    attack = composed(TargetAndTrueClass(), Orthogonal(0.02), space=attacks.Space.PIXEL)
    trace = ps.trace(attack, tiny, photos, targets=_targets(photos), keep="all")
    same_images(trace, by_hand(tiny, photos, _targets(photos), attack.objective, attack.views, attack.update))
    assert attack.source_backwards == 2 * STEPS
    with pytest.raises(AttackError, match="TargetAndTrueClass gives 2 gradients for each example, GradientStep takes"):
        composed(TargetAndTrueClass())


def test_a_plain_function_is_an_objective(photos, tiny):
    def target_logit(logits, goal):
        return logits.gather(1, goal.targets[:, :1])[:, 0]

    mine = ps.trace(composed(target_logit), tiny, photos)
    theirs = ps.trace(composed(attacks.TargetLogit()), tiny, photos)
    assert torch.equal(mine.images, theirs.images)
    assert mine.steps.drop("attack").equals(theirs.steps.drop("attack"))


@pytest.mark.parametrize("name", ["bim", "margin-pgd", "dlr-pgd", "carlini-wagner", "si-ni-fgsm"])
@pytest.mark.filterwarnings("ignore:.*gradient vanished:presoftmax.errors.PresoftmaxWarning")
def test_an_untargeted_attack_records_nothing_about_targets(photos, tiny, name):
    attack = attacks.POPULAR[name](steps=3)
    assert attack.num_targets == 0
    trace = ps.trace(attack, tiny, photos, victims={"other": Tiny(5)})
    assert trace.steps["targets"].list.len().to_list() == [0] * trace.steps.height
    assert trace.steps["target_logits"].list.len().sum() == 0
    assert trace.steps["group_log_odds"].null_count() == trace.steps.height
    assert trace.transfers["targeted"].null_count() == trace.transfers.height
    assert trace.transfers["misclassified"].null_count() == 0
    assert trace.steps["misclassification_log_odds"].null_count() == 0
    assert trace.job.describe()["targets"] == "none"
    with pytest.raises(DataError, match="has no targets, so none can be hit"):
        ps.analysis.transfer_curves(trace.steps, trace.transfers, "targeted")
    assert ps.analysis.transfer_curves(trace.steps, trace.transfers).height > 0
    with pytest.raises(AttackError, match="is untargeted: it takes no targets"):
        ps.trace(attack, tiny, photos, targets=1)
    assert attacks.POPULAR[name](steps=3, goal="targeted").num_targets == 1


def test_an_unknown_keyword_is_a_type_error_that_names_the_nearest(photos, tiny):
    for function in (ps.trace, ps.prepare):
        with pytest.raises(TypeError, match=r"no option 'victim'; did you mean victims\?"):
            function(attacks.over_optimized(2), tiny, photos, victim=[tiny])
        with pytest.raises(TypeError, match="no option 'zzz'; it takes victims, targets"):
            function(attacks.over_optimized(2), tiny, photos, zzz=1)


def named(victims, source=None):
    network = source or Tiny(0)
    job = ps.prepare(attacks.over_optimized(1), network, make_set(Tiny(0)), victims=victims)
    return job.source.name, list(job.victim_names)


class Timm(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.network, self.pretrained_cfg = Tiny(1), config

    def forward(self, images):
        return self.network(images)


def test_victims_have_names_that_a_person_can_tell_apart():
    api = lambda images: torch.zeros(len(images), CLASSES)  # noqa: E731  a lambda is meant
    assert named({"vgg": Tiny(1), "api": api}) == ("Tiny", ["vgg", "api"])
    assert named([Tiny(1), Tiny(2)]) == ("Tiny", ["Tiny-2", "Tiny-3"])
    assert named([api, api]) == ("Tiny", ["victim", "victim-2"])
    assert named(Tiny(1)) == ("Tiny", ["Tiny-2"])
    assert named(api) == ("Tiny", ["victim"])
    assert named([Timm({"architecture": "convnext_tiny"})]) == ("Tiny", ["convnext_tiny"])
    assert named([ps.Classifier(Tiny(1), name="mine")], {"ours": Tiny(0)}) == ("ours", ["mine"])
    assert named([nn.Sequential(Tiny(1))]) == ("Tiny", ["Sequential"])
    with pytest.raises(TypeError, match="one source, got 2"):
        named([], {"a": Tiny(0), "b": Tiny(0)})


def test_the_same_names_wherever_there_are_victims(photos, tiny):
    victims = {"vgg": Tiny(1), "resnet": Tiny(2)}
    trace = ps.trace(attacks.over_optimized(1), tiny, photos, victims=victims)
    with ps.record(tiny, photos.images, photos.labels) as recording:
        tiny(photos.images.float() / 255)
    examples = ps.strength.Examples(photos.images, photos)
    measured = ps.strength.measure(examples, ps.Classifier(tiny), victims)
    for table in (trace.transfers, recording.transfers(victims), measured.transfers):
        assert table["victim"].unique(maintain_order=True).to_list() == ["vgg", "resnet"]


def test_a_score_of_ones_own_is_recorded(photos, tiny):
    @ps.scores.score(formula="z_1 - mean(z)", unit="logit")
    def height(logits, facts):
        return logits.amax(dim=1) - logits.mean(dim=1)

    trace = ps.trace(attacks.over_optimized(2), tiny, photos, scores=[height, lambda z, facts: z[:, 0]][:1])
    expected = trace.steps["ca1"].cast(pl.Float64) - trace.steps["logits_mean"]
    assert trace.steps["height"].to_list() == pytest.approx(expected.to_list(), abs=1e-4)
    assert trace.steps.columns[-1] == "height"
    with pytest.raises(ValueError, match="there is a score 'height' already"):
        ps.trace(attacks.over_optimized(2), tiny, photos, scores=[height, height])


def _targets(photos):
    return ((photos.labels + 1) % CLASSES)[:, None]
