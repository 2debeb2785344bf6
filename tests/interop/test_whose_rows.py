"""Whose image each row is, which image was shown, and what counts as an iteration: nothing is booked wrongly."""

import copy
import warnings
from types import SimpleNamespace

import pytest
import torch
from torch import nn

import presoftmax as ps
from presoftmax.errors import DataError, PresoftmaxWarning
from tests.conftest import CLASSES, SIZE, Tiny, make_set


@pytest.fixture
def case():
    network = Tiny(0).eval()
    photos = make_set(network, count=6)
    return network, photos, photos.images.float() / 255


def record(network, photos, **options):
    return ps.record(network, photos.images, photos.labels, ids=photos.ids, **options)


def whose(rec):
    """The example of each row, pass by pass."""
    return [part["example"].to_list() for _, part in rec.passes.group_by("call", maintain_order=True)]


class InPlace(nn.Module):
    """Normalizes in place, as some people's models do."""

    def __init__(self):
        super().__init__()
        self.network = Tiny(0)

    def forward(self, images):
        images.sub_(0.5).div_(0.25)
        return self.network(images)


def test_the_image_is_the_one_before_the_first_layer_writes_over_it(case):
    _, photos, floats = case
    network = InPlace().eval()
    with record(network, photos) as rec:
        network(floats.clone())
        network((floats + 2 / 255).clamp(0, 1))
    assert rec.steps.filter(iteration=1)["linf"].max() == 2
    assert rec.steps.filter(iteration=0)["linf"].max() == 0


def test_a_step_of_a_fraction_of_a_grey_level_is_an_iteration(case):
    network, photos, floats = case
    with pytest.warns(PresoftmaxWarning, match="off the 8-bit lattice"), record(network, photos) as rec:
        for step in range(8):
            network(floats * (1 - 1e-4 * step))
    assert rec.steps.group_by("example").len()["len"].unique().to_list() == [8]
    for _, one in rec.steps.sort("iteration").group_by("example"):
        assert one["ca1"].n_unique() == 8


def test_the_same_image_looked_at_twice_is_one_iteration(case):
    network, photos, floats = case
    with record(network, photos) as rec:
        for _ in range(3):
            network(floats)
        for _ in range(2):
            network((floats + 8 / 255).clamp(0, 1))
    assert rec.steps.height == 2 * 6
    assert rec.passes.height == 5 * 6


def test_an_attack_that_begins_at_other_images_of_the_batch_keeps_the_order(case):
    network, photos, floats = case
    others = floats[[1, 0, 3, 2, 5, 4]]
    with pytest.warns(PresoftmaxWarning), record(network, photos) as rec:
        network(floats)
        for share in (0.0, 0.3, 0.6):
            network(others + share * (floats - others))
    assert whose(rec) == [list(photos.ids)] * 4
    # Also where the first pass already shows some of them elsewhere.
    with pytest.warns(PresoftmaxWarning), record(network, photos) as rec:
        network(torch.cat([floats[:4], others[4:]]))
    assert whose(rec) == [list(photos.ids)]


def test_a_loader_that_shuffles_is_followed(case):
    network, photos, floats = case
    order = [4, 2, 0, 5, 3, 1]
    with record(network, photos) as rec:
        for step in range(3):
            network((floats[order] + step / 255).clamp(0, 1))
    assert whose(rec) == [[photos.ids[i] for i in order]] * 3


def test_one_photo_attacked_toward_six_targets_in_parts(case):
    network, photos, floats = case
    same = photos.images[:1].repeat(6, 1, 1, 1)
    ids = [f"target{i}" for i in range(6)]
    with (
        pytest.warns(PresoftmaxWarning, match="fit several of the clean ones alike"),
        ps.record(network, same, photos.labels[:1].repeat(6), ids=ids) as rec,
    ):
        for part in (range(4), range(4, 6)):
            for step in range(3):
                network((floats[:1].repeat(len(part), 1, 1, 1) + step / 255).clamp(0, 1))
    assert whose(rec) == [ids[:4]] * 3 + [ids[4:]] * 3
    assert rec.steps.group_by("example").len()["len"].unique().to_list() == [3]


def test_parts_of_different_photos_go_to_their_own(case):
    network, photos, floats = case
    with record(network, photos) as rec:
        for part in ([0, 1, 2, 3], [4, 5]):
            for step in range(3):
                network((floats[part] + 4 * step / 255).clamp(0, 1))
        network(floats[[5, 2]])
    assert whose(rec)[:3] == [list(photos.ids[:4])] * 3
    assert whose(rec)[3:6] == [list(photos.ids[4:])] * 3
    assert whose(rec)[6] == [photos.ids[5], photos.ids[2]]


def test_rows_that_fit_nobody_are_nobodys_and_said(case):
    network, *_ = case
    stranger = torch.zeros(1, 3, SIZE, SIZE)
    stranger[:, :, ::2] = 1
    plain = torch.tensor([250, 240, 230], dtype=torch.uint8).view(3, 1, 1, 1).expand(3, 3, SIZE, SIZE)
    bright = ps.ImageSet.from_arrays(plain, [0, 1, 2], ["a", "b", "c"])
    with pytest.warns(PresoftmaxWarning, match="was shown 2 images that fit none"), record(network, bright) as rec:
        network(torch.cat([stranger, 1 - stranger]))
    assert rec.passes["example"].null_count() == 2
    assert rec.steps.height == 3  # the clean ones, asked about afterwards


def test_the_user_can_say_whose_rows_come(case):
    network, photos, floats = case
    with record(network, photos) as rec:
        with rec.rows([photos.ids[3], photos.ids[0]]):
            network(floats[[3, 0]])
            network((floats[[3, 0]] + 4 / 255).clamp(0, 1))
        with rec.rows([1, 2]):
            network(floats[[1, 2]])
    assert whose(rec) == [[photos.ids[3], photos.ids[0]]] * 2 + [[photos.ids[1], photos.ids[2]]]
    with pytest.raises(DataError, match="rows: 'nobody' is no id"), rec.rows(["nobody"]):
        pass
    with pytest.raises(DataError, match="rows: 6 is no id"), rec.rows([6]):
        pass


def padded(images):
    return nn.functional.pad(images[:, :, 1:, 1:], (1, 0, 1, 0))


def test_transformed_copies_are_probes_once_the_bound_is_known(case):
    network, photos, floats = case

    def attack():
        images = floats
        for _ in range(3):
            network(padded(images))
            images = (images + 2 / 255).clamp(0, 1)
            network(images)
        return images

    with pytest.warns(PresoftmaxWarning, match="if these are transformed copies"), record(network, photos) as rec:
        adversarial = attack()
    assert rec.steps["probe"].null_count() == rec.steps.height
    assert rec.steps["linf"].max() > 100
    rec.result(adversarial)
    steps = rec.steps.filter(rec.steps["iteration"] > 0)
    assert steps.filter("probe").height == 3 * 6
    assert steps.filter("probe")["linf"].null_count() == 3 * 6
    assert steps.filter(~steps["probe"])["linf"].max() == 6
    assert ps.analysis.by_iteration(rec.steps).height < rec.steps["iteration"].n_unique()
    with record(network, photos, epsilon=6 / 255) as bounded:
        attack()
    assert bounded.steps.filter("probe").height == 3 * 6


def test_what_the_attack_returned_is_the_last_iteration(case):
    network, photos, floats = case
    with record(network, photos) as rec:
        network(floats)
    final = (floats + 4 / 255).clamp(0, 1)
    rec.result(final)
    last = rec.steps.filter(iteration=1)
    assert last["linf"].max() == 4
    with torch.no_grad():
        assert last["ca1"].to_list() == pytest.approx(network(final).amax(1).tolist())
    assert rec.forwards == 1
    assert rec.transfers({"other": Tiny(5)}).filter(iteration=1).height == 6
    with pytest.raises(DataError, match="the result is"):
        rec.result(final[:2])


def test_a_model_in_training_mode_is_said_and_asked_as_it_was():
    network = nn.Sequential(nn.BatchNorm2d(3), Tiny(0))
    photos = make_set(Tiny(0), count=6)
    network.train()
    floats = photos.images.float() / 255
    with pytest.warns(PresoftmaxWarning, match="was in training mode") as seen, record(network, photos) as rec:
        network((floats + 8 / 255).clamp(0, 1))
    assert sum("training mode" in str(each.message) for each in seen) == 1
    before = {name: value.clone() for name, value in network.state_dict().items()}
    clean = rec.steps.filter(iteration=0)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert network.training
    expected = copy.deepcopy(network)(floats).amax(1)
    assert clean["ca1"].to_list() == pytest.approx(expected.tolist(), abs=1e-4)


class Random(nn.Module):
    def __init__(self):
        super().__init__()
        self.network = Tiny(0)

    def forward(self, images):
        return self.network(images) + torch.randn(len(images), CLASSES)


def test_a_model_that_answers_the_same_image_differently_is_said(case):
    _, photos, floats = case
    network = Random().eval()
    with pytest.warns(PresoftmaxWarning, match="answered the same image differently"), record(network, photos) as rec:
        network(floats)
        network(floats)
    assert rec.steps.height == 6


class Wrapped(nn.Module):
    def __init__(self, wrap):
        super().__init__()
        self.network, self.wrap = Tiny(0), wrap

    def forward(self, images):
        return self.wrap(self.network(images))


@pytest.mark.parametrize(
    "wrap",
    [lambda z: SimpleNamespace(logits=z), lambda z: {"logits": z}, lambda z: (z, "more"), lambda z: [z, z]],
    ids=["object", "dict", "tuple", "list"],
)
def test_logits_are_taken_out_of_what_a_model_returns(case, wrap):
    network, photos, floats = case
    wrapped = Wrapped(wrap).eval()
    with record(wrapped, photos) as rec:
        wrapped(floats)
    expected = network(floats).amax(1).tolist()
    assert rec.steps["ca1"].to_list() == pytest.approx(expected)
    attack = ps.attacks.over_optimized(2)
    plain = ps.trace(attack, network, photos, victims={"v": network})
    taken = ps.trace(attack, wrapped, photos, victims={"v": wrapped, "api": lambda images: wrap(network(images / 255))})
    assert torch.equal(taken.images, plain.images)
    assert taken.transfers.filter(victim="api")["ca1"].null_count() == 0


def test_an_attack_that_copies_the_model_is_recorded_all_the_same(case):
    network, photos, floats = case
    with record(network, photos) as rec:
        copied = copy.deepcopy(network)
        copied(floats)
        copied((floats + 4 / 255).clamp(0, 1))
    assert rec.forwards == 2
    assert rec.steps.height == 2 * 6


def test_ordinary_attacks_are_recorded_without_a_word(case):
    network, photos, floats = case
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with record(network, photos) as rec:
            for step in range(4):
                network((floats + 2 * step / 255).clamp(0, 1))
        assert rec.steps.height == 24
