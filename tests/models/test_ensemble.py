"""Several models as one: what is averaged, on whose normalization, and what is refused."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import presoftmax as ps
from presoftmax.errors import ModelError
from presoftmax.models import accelerate, load_model
from tests.conftest import CLASSES, SIZE, Counting, Tiny, make_images, make_set

MEANS = [(0.4, 0.5, 0.3), (0.1, 0.2, 0.6), (0.5, 0.5, 0.5)]
STDS = [(0.2, 0.3, 0.25), (0.5, 0.4, 0.3), (0.5, 0.5, 0.5)]
OF = ("logits", "probabilities")


def member(i, network=None, **options):
    settings = {"name": f"net{i}", "mean": MEANS[i], "std": STDS[i]} | options
    return ps.Classifier(network or Tiny(i), **settings)


def members():
    return [member(i) for i in range(3)]


def convolutional(i):
    """With a batch norm and a ReLU, so that the fast path has something to do."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(i)
        network = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(),
            nn.Linear(8 * SIZE**2, CLASSES),
        )  # fmt: skip
        network[1].running_mean.uniform_(-0.5, 0.5)
        network[1].running_var.uniform_(0.5, 2)
    return network.eval()


@given(
    st.lists(st.floats(0.01, 100), min_size=3, max_size=3),
    st.sampled_from([torch.uint8, torch.float32]),
    st.integers(0, 50),
)
@settings(max_examples=25, deadline=None)
def test_the_weighted_mean_of_logits_or_of_probabilities(weights, dtype, seed):
    images = make_images(4, seed)
    images = images if dtype == torch.uint8 else images.float() / 255
    answers = torch.stack([each(images).double() for each in members()]).detach()
    shares = torch.tensor(weights, dtype=torch.float64).view(-1, 1, 1) / sum(weights)
    logits = ps.ensemble(members(), weights=weights)(images).double()
    torch.testing.assert_close(logits, (shares * answers).sum(dim=0), rtol=1e-4, atol=1e-4)
    mixed = ps.ensemble(members(), of="probabilities", weights=weights)(images).double()
    mean = (shares * answers.softmax(dim=2)).sum(dim=0)
    # In logs, since a probability near 1 hides what is left of the others.
    torch.testing.assert_close(mixed.log_softmax(dim=1), mean.log(), rtol=1e-4, atol=1e-4)
    scale = (shares * answers.logsumexp(dim=2, keepdim=True)).sum(dim=0)[:, 0]
    torch.testing.assert_close(mixed.logsumexp(dim=1), scale, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("of", OF)
def test_an_ensemble_of_one_is_the_model_and_a_constant_is_passed_on(of):
    images = make_images(5)
    torch.testing.assert_close(ps.ensemble([member(0)], of=of)(images), member(0)(images), rtol=1e-5, atol=1e-5)
    moved = [member(i) for i in range(3)]
    for each in moved:
        each.network.head.bias.data += 7
    torch.testing.assert_close(ps.ensemble(moved, of=of)(images), ps.ensemble(members(), of=of)(images) + 7)


def test_an_attack_on_an_ensemble_of_one_is_the_attack_on_the_model():
    photos = make_set(member(0), 4)
    attack = ps.attacks.over_optimized(steps=5, alpha=0.1)
    alone, both = (ps.trace(attack, source, photos) for source in (member(0), ps.ensemble({"net0": member(0)})))
    assert both.steps.equals(alone.steps)
    assert both.images.equal(alone.images)


@pytest.mark.parametrize("of", OF)
@pytest.mark.parametrize("accelerated", [False, True])
def test_it_is_a_source_and_a_victim_on_the_fast_path_too(of, accelerated):
    models = [ps.Classifier(convolutional(i), name=f"net{i}", mean=MEANS[i], std=STDS[i]) for i in range(2)]
    before = copy.deepcopy(models[0].state_dict())
    source = ps.ensemble(models, of=of)
    photos = make_set(source, 4)
    attack = ps.attacks.mi_fgsm(6, epsilon=16 / 255)
    options = {"victims": {"same": ps.ensemble(models, of=of), "net0": models[0]}, "batch_size": 4}
    trace = ps.trace(attack, source, photos, accelerate=accelerated, keep="all", **options)
    for iteration in range(7):
        rows = trace.steps.filter(iteration=iteration)
        shown = trace.transfers.filter(iteration=iteration, victim="same")
        expected = source(trace.images_at(iteration)).max(dim=1).values
        for ca1 in (rows["ca1"], shown["ca1"]):
            torch.testing.assert_close(torch.tensor(ca1.to_list()), expected, rtol=1e-3, atol=1e-3)
    assert trace.job.source.name == "net0+net1"
    assert (trace.job.variants()["net0+net1"] != "as given") == accelerated
    assert trace.steps["misclassification_log_odds"][-4:].mean() > trace.steps["misclassification_log_odds"][:4].mean()
    assert all(torch.equal(value, models[0].state_dict()[name]) for name, value in before.items())


def test_one_iteration_is_one_pass_through_each_member_and_one_back():
    counting = [Counting(Tiny(i)) for i in range(3)]
    source = ps.ensemble(counting)
    photos = make_set(Tiny(0), 3)
    ps.trace(ps.attacks.bim(4), source, photos, accelerate=False)
    assert [each.forwards for each in counting] == [5] * 3
    assert [each.backwards for each in counting] == [4] * 3


def test_the_gradient_comes_from_every_member():
    images = (make_images(2).float() / 255).requires_grad_(True)
    for of in OF:
        for dead in range(3):
            some = [member(i) for i in range(3)]
            (whole,) = torch.autograd.grad(ps.ensemble(some, of=of)(images)[:, 0].sum(), images)
            some[dead].network.head.weight.data.zero_()
            (part,) = torch.autograd.grad(ps.ensemble(some, of=of)(images)[:, 0].sum(), images)
            assert not torch.allclose(whole, part)


def test_sizes_names_classes_and_scale_come_from_the_members(tmp_path):
    small, large = ps.Preprocessing(SIZE), ps.Preprocessing(2 * SIZE)
    wide = nn.Sequential(nn.AvgPool2d(2), Tiny(1))
    classes = [f"class {i}" for i in range(CLASSES)]
    source = ps.ensemble([member(0, preprocessing=small), member(1, wide, preprocessing=large, classes=classes)])
    assert source.preprocessing == large
    assert source.classes == tuple(classes)
    torch.testing.assert_close(source.std.flatten(), torch.tensor([STDS[0], STDS[1]]).mean(dim=0))
    images = make_images(2, size=2 * SIZE)
    own = [each(images) for each in source.members]
    torch.testing.assert_close(source(images), (own[0] + own[1]) / 2)
    assert source.named("both").name == "both"
    assert torch.equal(source.named("both")(images), source(images))
    assert ps.ensemble([Tiny(i) for i in range(4)]).name == "Tiny+3 more"
    assert ps.ensemble([Tiny(0)], name="mine").name == "mine"
    nested = ps.ensemble([ps.ensemble(members()[:2]), member(2)], weights=[2, 1])
    torch.testing.assert_close(nested(images[..., :SIZE, :SIZE]), ps.ensemble(members())(images[..., :SIZE, :SIZE]))
    file = tmp_path / "own.py"
    file.write_text(
        "import presoftmax as ps\nfrom tests.conftest import Tiny\ndef net():\n    return Tiny(0)\n"
        "def both():\n    return ps.ensemble([Tiny(0), __file__ + ':net'], of='probabilities')\n"
    )
    loaded = load_model(f"{file}:both", "cpu")
    assert loaded.name == "own:both"
    pixels = make_images(2)
    torch.testing.assert_close(loaded(pixels), Tiny(0)(pixels.float() / 255))


def test_accelerated_members_compute_the_same():
    models = [ps.Classifier(convolutional(i), mean=MEANS[i], std=STDS[i]) for i in range(2)]
    for of in OF:
        source = ps.ensemble(models, of=of, weights=[1, 3])
        images = make_images(4)
        faster = accelerate(source, images, gradient=True, passes=60)
        assert any(each.variant.simplified for each in faster.members)
        torch.testing.assert_close(faster(images), source(images), rtol=1e-4, atol=1e-4)


class Softmax(Tiny):
    def forward(self, x):
        return super().forward(x).softmax(dim=1)


class Broken(Tiny):
    def forward(self, x):
        raise ValueError("no such thing")


IN_USE = {
    "classes": ([Tiny(0), Tiny(1, classes=5)], r"different numbers of classes: 1\. Tiny 7, 2\. Tiny 5$"),
    "probabilities": ([Tiny(0), Softmax(1)], "model Softmax returns probabilities"),
    "broken": ([Tiny(0), Broken(1)], r"^model Broken failed on images \(3, 3, 6, 6\): ValueError: no such thing$"),
}


@pytest.mark.parametrize("case", IN_USE)
@pytest.mark.parametrize("of", OF)
def test_a_member_that_does_not_fit_is_named_in_a_line(case, of):
    models, message = IN_USE[case]
    photos = make_set(Tiny(0), 3)
    for arguments in ((ps.ensemble(models, of=of), {}), (Tiny(0), {"victims": ps.ensemble(models, of=of)})):
        for accelerated in (False, True):
            with pytest.raises(ModelError, match=message) as found:
                ps.trace(ps.attacks.bim(2), arguments[0], photos, accelerate=accelerated, **arguments[1])
            assert "\n" not in str(found.value)


WRONG = {
    "nothing": (([],), {}, ModelError, "at least one model"),
    "a single network": ((Tiny(0),), {}, TypeError, "several models"),
    "a sequence of layers": ((nn.Sequential(Tiny(0)),), {}, TypeError, "several models"),
    "a name alone": (("torchvision/resnet50",), {}, TypeError, "several models"),
    "a number": ((3,), {}, TypeError, "several models"),
    "a black box": (([Tiny(0), lambda x: x],), {}, TypeError, "needs its gradient"),
    "no such name": ((["no_such_model"],), {}, ModelError, "no_such_model"),
    "of": (([Tiny(0)],), {"of": "votes"}, ModelError, "logits or probabilities, got 'votes'"),
    "too few weights": (([Tiny(0), Tiny(1)],), {"weights": [1]}, ModelError, "2 positive numbers"),
    "a weight of zero": (([Tiny(0), Tiny(1)],), {"weights": [1, 0]}, ModelError, "2 positive numbers"),
    "a weight that is no number": (([Tiny(0)],), {"weights": [float("nan")]}, ModelError, "1 positive numbers"),
    "weights of words": (([Tiny(0)],), {"weights": ["one"]}, TypeError, "weights are numbers"),
    "one weight": (([Tiny(0)],), {"weights": 1}, TypeError, "weights are numbers"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_an_ensemble_is_refused(case):
    arguments, options, kind, message = WRONG[case]
    with pytest.raises(kind, match=message):
        ps.ensemble(*arguments, **options)
