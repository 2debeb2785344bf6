"""Recording changes nothing, and gives the same tables as our own loop."""

import warnings

import polars as pl
import pytest
import torch
from polars.testing import assert_frame_equal
from torch import nn

import presoftmax as ps
from presoftmax import attacks
from presoftmax.errors import DataError, ModelError, PresoftmaxWarning
from presoftmax.interop._matching import Matcher
from presoftmax.tables import schema
from tests.conftest import Tiny, make_images, make_set

pytestmark = pytest.mark.filterwarnings("ignore::presoftmax.errors.PresoftmaxWarning")


def sign_attack(network, images, labels, steps=5, size=4 / 255, on_lattice=True):
    """A plain loop of a user, untargeted; one forward and one backward pass for each step, and a last look."""
    adversarial = images.clone()
    for _ in range(steps):
        adversarial = adversarial.detach().requires_grad_(True)
        loss = nn.functional.cross_entropy(network(adversarial), labels, reduction="sum")
        (gradient,) = torch.autograd.grad(loss, adversarial)
        adversarial = (adversarial + size * gradient.sign()).clamp(0, 1).detach()
        if on_lattice:
            adversarial = (adversarial * 255).round() / 255
    network(adversarial)
    return adversarial


@pytest.fixture
def case():
    network = Tiny(0)
    photos = make_set(network)
    return network, photos, photos.images.float() / 255


def test_an_attack_comes_to_the_same_bits_and_is_counted(case):
    network, photos, floats = case
    plain = sign_attack(network, floats, photos.labels)
    with ps.record(network, photos.images, photos.labels) as rec:
        recorded = sign_attack(network, floats, photos.labels)
    assert torch.equal(plain, recorded)
    assert (rec.forwards, rec.backwards) == (6, 5)
    assert not network._forward_hooks
    assert rec.passes["with_gradient"].to_list() == [True] * 25 + [False] * 5


def test_the_steps_are_those_of_our_own_loop(case):
    network, photos, floats = case
    attack = attacks.Attack("a", attacks.CrossEntropy(targeted=False), attacks.SignStep(4 / 255), steps=5,
                            space=attacks.Space.PIXEL)  # fmt: skip
    victim = Tiny(5)
    trace = ps.trace(attack, network, photos, victims=[victim])
    with ps.record(network, photos.images, photos.labels, ids=photos.ids, attack="a") as rec:
        sign_attack(network, floats, photos.labels)
    keys = ["example", "iteration"]
    ours, theirs = (
        trace.steps.sort(keys).drop("gradient_vanished", "probe"),
        rec.steps.sort(keys).drop("gradient_vanished", "probe"),
    )
    assert rec.steps.schema == schema.polars_schema(schema.STEPS)
    assert_frame_equal(ours, theirs, check_exact=False, rel_tol=1e-4, abs_tol=1e-4)
    shown = rec.transfers([victim])
    assert shown.schema == schema.polars_schema(schema.TRANSFERS)
    assert_frame_equal(trace.transfers.sort(keys), shown.sort(keys), check_exact=False, rel_tol=1e-4, abs_tol=1e-4)


def test_a_second_look_is_another_call_of_the_same_iteration(case):
    network, photos, floats = case
    with ps.record(network, photos.images, photos.labels) as rec:
        for _ in range(2):
            network(floats)
        network((floats + 0.1).clamp(0, 1))
        network(floats)
    first = rec.passes.filter(pl.col("example") == rec.examples.ids[0])
    assert first["call"].to_list() == [0, 1, 2, 3]
    assert first["iteration"].to_list() == [0, 0, 1, 2]
    assert rec.steps.height == 3 * 5


def test_part_of_a_batch_is_recognized_by_its_images(case):
    network, photos, floats = case
    with ps.record(network, photos.images, photos.labels) as rec:
        network(floats)
        network((floats + 0.02).clamp(0, 1)[[3, 1]])
        network((floats + 0.04).clamp(0, 1)[[1]])
    counts = dict(rec.steps.group_by("example").agg(pl.col("iteration").max()).iter_rows())
    assert [counts[name] for name in rec.examples.ids] == [0, 2, 0, 1, 0]


def test_copies_of_the_batch_in_one_pass(case):
    network, photos, floats = case
    with ps.record(network, photos.images, photos.labels) as rec:
        network(torch.cat([floats, (floats + 0.02).clamp(0, 1), floats * 0.9]))
    assert rec.forwards == 1
    assert rec.passes.group_by("example").len()["len"].to_list() == [3] * 5
    assert rec.steps.height == 15


def test_far_images_in_the_order_of_the_batch_keep_their_names():
    clean = make_images(4)
    far = make_images(4, seed=9)
    assert Matcher(clean).match(clean.flip(0)).tolist() == [3, 2, 1, 0]
    assert Matcher(clean).match(far).tolist() == [0, 1, 2, 3]
    assert Matcher(clean).match(clean // 16).tolist() == [0, 1, 2, 3]
    assert Matcher(clean).match(torch.cat([clean // 2, clean // 4])).tolist() == [0, 1, 2, 3] * 2


def test_an_attack_that_starts_at_random_has_its_clean_images_asked_afterwards(case):
    network, photos, floats = case
    with ps.record(network, photos.images, photos.labels) as rec:
        network((floats + 0.05).clamp(0, 1))
    assert rec.forwards == 1
    steps = rec.steps.sort("example", "iteration")
    assert steps["iteration"].to_list() == [0, 1] * 5
    clean = steps.filter(pl.col("iteration") == 0)
    assert (clean["predicted"] == clean["label"]).all()
    assert (clean["l2"] == 0).all()


def test_normalized_inputs_are_brought_back_to_pixels(case):
    network, photos, floats = case
    mean, std = (0.4, 0.5, 0.3), (0.2, 0.3, 0.25)

    class Normalized(nn.Module):
        def forward(self, x):
            return network(x * torch.tensor(std).view(1, 3, 1, 1) + torch.tensor(mean).view(1, 3, 1, 1))

    wrapped = Normalized()
    shown = (floats - torch.tensor(mean).view(1, 3, 1, 1)) / torch.tensor(std).view(1, 3, 1, 1)
    with ps.record(wrapped, photos.images, photos.labels, mean=mean, std=std) as rec:
        wrapped(shown)
    assert rec.steps["l2"].to_list() == [0] * 5
    with pytest.warns(PresoftmaxWarning, match="was shown values from .* where .0, 1. was expected"):  # noqa: SIM117
        with ps.record(wrapped, photos.images, photos.labels):
            wrapped(shown)


def doubts(network, photos, shown):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with ps.record(network, photos.images, photos.labels):
            network(shown)
    return [str(each.message) for each in caught if issubclass(each.category, PresoftmaxWarning)]


def test_what_a_careful_reader_would_want_to_know_is_said(case):
    network, photos, floats = case
    assert doubts(network, photos, floats) == []
    (text,) = doubts(network, photos, (floats + 0.3 / 255).clamp(0, 1))
    assert "off the 8-bit lattice" in text
    (text,) = doubts(nn.Sequential(network, nn.Softmax(1)), photos, floats)
    assert "returns probabilities" in text
    wrong = ps.ImageSet(photos.images, (photos.labels + 1) % 7, photos.ids)
    (text,) = doubts(network, wrong, floats)
    assert "right on only 0 % of the clean images" in text


def test_a_vanished_gradient_is_recorded_and_said(case):
    network, photos, floats = case
    saturated = Scaled(network, 1000.0)
    with (
        pytest.warns(PresoftmaxWarning, match="gave no gradient to go by for 5 of 5 examples, first at iteration 0"),
        ps.record(saturated, photos.images, photos.labels) as rec,
    ):
        sign_attack(saturated, floats, photos.labels)
    assert rec.steps.filter(iteration=0)["gradient_vanished"].to_list() == [True] * 5
    with ps.record(network, photos.images, photos.labels) as rec:
        sign_attack(network, floats, photos.labels)
    assert rec.steps.filter(pl.col("iteration") < 5)["gradient_vanished"].to_list() == [False] * 25
    assert rec.steps.filter(iteration=5)["gradient_vanished"].null_count() == 5


def test_a_gradient_has_vanished_where_it_is_zero_in_the_targets_logit(case):
    network, photos, floats = case
    targets = (photos.labels + 1) % 7
    with torch.no_grad():
        logits = network(floats)
    towards = torch.zeros_like(logits).scatter(1, targets[:, None], 1.0)
    towards[0] = 0
    towards[0, photos.labels[0]] = -1.0
    with ps.record(network, photos.images, photos.labels, targets=targets) as rec:
        seen = floats.clone().requires_grad_(True)
        network(seen).backward(towards)
    assert rec.passes["gradient_vanished"].to_list() == [True, False, False, False, False]


class Scaled(nn.Module):
    def __init__(self, network, by):
        super().__init__()
        self.network, self.by = network, by

    def forward(self, images):
        return self.network(images) * self.by


def test_several_passes_can_make_one_iteration(case):
    network, photos, floats = case

    def scaled_copies(steps, copies):
        adversarial = floats.clone()
        for _ in range(steps):
            gradients = []
            for copy in range(copies):
                image = adversarial.detach().requires_grad_(True)
                loss = nn.functional.cross_entropy(network(image / 2**copy), photos.labels, reduction="sum")
                gradients.append(torch.autograd.grad(loss, image)[0])
            adversarial = (adversarial + 4 / 255 * sum(gradients).sign()).clamp(0, 1).mul(255).round().div(255)
        network(adversarial)

    with ps.record(network, photos.images, photos.labels, passes_per_iteration=3) as rec:
        scaled_copies(4, 3)
    assert rec.steps["iteration"].to_list() == [0, 1, 2, 3, 4] * 5
    first = rec.passes.filter(example=rec.passes["example"][0])
    assert first["iteration"].to_list() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4]
    assert rec.steps["linf"].max() <= 16, "the copies are not the iteration's images"
    with ps.record(network, photos.images, photos.labels) as rec:
        scaled_copies(4, 3)
    assert rec.steps["iteration"].max() > 4
    with pytest.raises(ValueError, match="passes_per_iteration must be at least 1"):
        ps.record(network, photos.images, photos.labels, passes_per_iteration=0)


def test_coming_back_to_the_clean_image_is_a_restart(case):
    network, photos, floats = case
    with ps.record(network, photos.images, photos.labels) as rec:
        for size in (2 / 255, 4 / 255):
            sign_attack(network, floats, photos.labels, steps=2, size=size)
    first = rec.passes.filter(example=rec.passes["example"][0])
    assert first["restart"].to_list() == [0, 0, 0, 1, 1, 1]
    assert first["iteration"].to_list() == [0, 1, 2, 3, 4, 5]


def test_random_restarts_are_told_apart_by_their_length(case):
    network, photos, floats = case
    generator = torch.Generator().manual_seed(0)
    with ps.record(network, photos.images, photos.labels, iterations_per_restart=3) as rec:
        for _ in range(2):
            noise = torch.randint(-8, 9, floats.shape, generator=generator) / 255
            sign_attack(network, (floats + noise).clamp(0, 1), photos.labels, steps=2)
    first = rec.passes.filter(example=rec.passes["example"][0])
    assert first["iteration"].to_list() == [1, 2, 3, 4, 5, 6]
    assert first["restart"].to_list() == [0, 0, 0, 1, 1, 1]
    with pytest.raises(ValueError, match="iterations_per_restart must be at least 1, got 0"):
        ps.record(network, photos.images, iterations_per_restart=0)


def test_labels_left_out_are_the_models_own_answers(case):
    network, photos, floats = case
    with ps.record(network, floats) as rec:
        network(floats)
    assert rec.steps["label"].to_list() == photos.labels.tolist()
    assert rec.steps["group_log_odds"].null_count() == 5
    assert rec.steps["targets"].list.len().to_list() == [0] * 5
    assert not rec.transfers([Tiny(5)])["targeted"].any()


def test_what_cannot_be_recorded_is_refused(case):
    network, photos, floats = case
    with pytest.raises(TypeError, match="nn.Module that the attack calls"):
        ps.record(lambda x: x, photos.images)
    with pytest.raises(DataError, match=r"clean images must be in \[0, 1\]"):
        ps.record(network, floats * 255)
    with pytest.raises(DataError, match=r"targets \(3,\) for 5 images"):
        ps.record(network, floats, targets=[1, 2, 3])
    rec = ps.record(network, photos.images)
    with pytest.raises(ModelError, match="was not called while it was recorded"):
        _ = rec.steps
    anything = nn.Sequential(nn.AdaptiveAvgPool2d(6), network)
    with pytest.raises(DataError, match="record the module that gets the images"), ps.record(anything, photos.images):
        anything(nn.functional.pad(floats, (1, 1)))
    assert not anything._forward_hooks


def test_foolbox(case):
    foolbox = pytest.importorskip("foolbox")
    network, photos, floats = case

    def attack():
        model = foolbox.PyTorchModel(network.eval(), bounds=(0, 1), device="cpu")
        pgd = foolbox.attacks.LinfPGD(abs_stepsize=2 / 255, steps=6, random_start=False)
        return pgd(model, floats, photos.labels, epsilons=8 / 255)[1]

    plain = attack()
    with ps.record(network, photos.images, photos.labels) as rec:
        recorded = attack()
    assert torch.equal(plain, recorded)
    steps = rec.steps
    assert rec.backwards == 6
    assert steps["iteration"].max() >= 5
    assert steps["linf"].max() == 8
    assert (steps["predicted"] != steps["label"]).any()
