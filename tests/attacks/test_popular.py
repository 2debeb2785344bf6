"""Popular attacks: the same images as the libraries that people take them from."""

import dataclasses
import inspect

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import presoftmax as ps
from presoftmax import attacks
from presoftmax.attacks import DLR, CarliniWagner, Draws, Goal
from presoftmax.errors import AttackError
from tests.conftest import Counting, Tiny, make_set


@pytest.fixture
def case():
    network = Tiny(0).eval()
    photos = make_set(network)
    return network, photos, photos.images.float() / 255


def ours(attack, network, photos, targets=None):
    """The float images after the last step."""
    return ps.trace(attack, network, photos, targets=targets).float_images


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_same_as_foolbox(case):
    foolbox = pytest.importorskip("foolbox")
    network, photos, floats = case
    model = foolbox.PyTorchModel(network, bounds=(0, 1), device="cpu")
    linf = foolbox.attacks.LinfPGD(abs_stepsize=2 / 255, steps=10, random_start=False)
    _, theirs, _ = linf(model, floats, photos.labels, epsilons=8 / 255)
    assert torch.allclose(ours(attacks.bim(discretization="final"), network, photos), theirs, atol=1e-6)
    l2 = foolbox.attacks.L2PGD(abs_stepsize=0.2, steps=10, random_start=False)
    _, theirs, _ = l2(model, floats, photos.labels, epsilons=1.0)
    assert torch.allclose(ours(attacks.pgd_l2(discretization="final"), network, photos), theirs, atol=1e-6)
    target = [(int(label) + 1) % 7 for label in photos.labels]
    criterion = foolbox.criteria.TargetedMisclassification(torch.tensor(target))
    _, theirs, _ = linf(model, floats, criterion, epsilons=8 / 255)
    attack = attacks.bim(goal="targeted", discretization="final")
    assert torch.allclose(ours(attack, network, photos, target), theirs, atol=1e-6)


def test_the_same_as_torchattacks(case):
    torchattacks = pytest.importorskip("torchattacks")
    network, photos, floats = case
    pairs = [
        (attacks.bim(discretization="final"), torchattacks.PGD(network, steps=10, random_start=False)),
        (attacks.bim(discretization="final"), torchattacks.BIM(network, steps=10)),
        (attacks.mi_fgsm(discretization="final"), torchattacks.MIFGSM(network, steps=10)),
        (
            attacks.pgd_l2(discretization="final"),
            torchattacks.PGDL2(network, eps=1.0, alpha=0.2, steps=10, random_start=False),
        ),
    ]
    for attack, theirs in pairs:
        assert torch.allclose(ours(attack, network, photos), theirs(floats, photos.labels), atol=1e-6), attack.name


@pytest.mark.parametrize("m", [1, 4])
def test_lookahead_and_scaled_copies_are_those_of_torchattacks(case, m):
    torchattacks = pytest.importorskip("torchattacks")
    network, photos, floats = case
    pairs = [
        (attacks.ni_fgsm(discretization="final"), torchattacks.NIFGSM(network, steps=10)),
        (attacks.si_ni_fgsm(copies=m, discretization="final"), torchattacks.SINIFGSM(network, steps=10, m=m)),
        (
            attacks.ti_fgsm(kernel=5, discretization="final"),
            torchattacks.TIFGSM(network, steps=10, decay=1.0, len_kernel=5, diversity_prob=0.0),
        ),
    ]
    for attack, theirs in pairs:
        assert torch.allclose(ours(attack, network, photos), theirs(floats, photos.labels), atol=1e-6), attack.name


def test_input_diversity_is_that_of_torchattacks_for_the_same_draws(case, monkeypatch):
    torchattacks = pytest.importorskip("torchattacks")
    network, photos, _ = case
    one = photos.select([2])
    drawn = []
    uniform = Draws.uniform
    monkeypatch.setattr(Draws, "uniform", lambda *given: drawn.append(uniform(*given)) or drawn[-1])
    mine = ours(attacks.di_fgsm(discretization="final"), network, one)
    # theirs draws: a size, a place from the top, one from the left, a chance
    queue = [row for numbers in drawn for row in numbers[0, [1, 2, 3]].tolist()]
    chances = [float(numbers[0, 0]) for numbers in drawn]

    def randint(low, high, size, dtype):
        return torch.tensor([low + int(queue.pop(0) * (high - low))], dtype=dtype)

    theirs = torchattacks.DIFGSM(network, steps=10, decay=1.0, resize_rate=0.9, diversity_prob=0.5)
    monkeypatch.setattr(torch, "randint", randint)
    monkeypatch.setattr(torch, "rand", lambda *size: torch.tensor([chances.pop(0)]))
    their_images = theirs(one.images.float() / 255, one.labels)
    monkeypatch.undo()
    assert len(drawn) == 10
    assert min(float(numbers[0, 0]) for numbers in drawn) < 0.5, "some copy must have been changed"
    assert torch.allclose(mine, their_images, atol=1e-6)


class Watched(nn.Module):
    """Keeps every image that it is shown."""

    def __init__(self, network):
        super().__init__()
        self.network, self.shown = network, []

    def forward(self, images):
        self.shown.append(images.detach().clone())
        return self.network(images)


def test_carlini_and_wagner_go_the_way_of_torchattacks(case):
    torchattacks = pytest.importorskip("torchattacks")
    network, photos, _ = case
    # They leave black and white pixels where they are, and take logits below zero for zero: neither occurs here.
    photos = dataclasses.replace(photos, images=photos.images.clamp(1, 254))
    positive = nn.Sequential(network, Shifted(100)).eval()
    mine, theirs = Watched(positive), Watched(positive)
    attack = attacks.carlini_wagner(steps=11, c=2.0, kappa=1.0, discretization="final")
    ps.trace(attack, mine, photos)
    torchattacks.CW(theirs, c=2.0, kappa=1.0, steps=11, lr=0.01)(photos.images.float() / 255, photos.labels)
    floats = mine.shown[::2]  # the others are the rounded images that are looked at beside them
    assert len(theirs.shown) >= 10
    for i, image in enumerate(theirs.shown):
        assert torch.allclose(floats[i], image, atol=1e-6), i


class Shifted(nn.Module):
    def __init__(self, by):
        super().__init__()
        self.by = by

    def forward(self, logits):
        return logits + self.by


def test_carlini_and_wagner_stay_near_and_move_black_and_white_pixels(case):
    network, photos, _ = case
    extreme = dataclasses.replace(photos, images=torch.where(photos.images > 127, 255, 0).to(torch.uint8))
    with torch.no_grad():
        extreme.labels.copy_(network(extreme.images.float() / 255).argmax(1))
    far, near = (ps.trace(attacks.carlini_wagner(300, c=c, kappa=5.0), network, extreme).steps for c in (1e4, 1e-4))
    last = [steps.filter(iteration=300) for steps in (far, near)]
    assert (last[0]["linf"] > 0).all()
    assert last[0]["l2"].mean() > last[1]["l2"].mean()
    assert last[0]["true_margin"].mean() > last[1]["true_margin"].mean()


def test_a_random_start_makes_iteration_1_and_belongs_to_the_example(case):
    network, photos, _ = case
    attack = attacks.pgd(steps=3)
    trace = ps.trace(attack, network, photos, keep="all", seed=5)
    assert attack.steps == 4
    assert torch.equal(trace.images_at(0), photos.images)
    moved = trace.images_at(1).int() - photos.images.int()
    assert moved.abs().max() <= 8
    assert moved.unique().numel() > 12, "noise, not a sign"
    alone = ps.trace(attack, network, photos.select([3]), keep="all", seed=5)
    assert torch.equal(alone.images_at(1)[0], trace.images_at(1)[3])
    other = ps.trace(attack, network, photos, keep="all", seed=6)
    assert not torch.equal(other.images_at(1), trace.images_at(1))


@pytest.mark.parametrize("make", [attacks.di_fgsm, attacks.si_ni_fgsm, attacks.pgd, attacks.logit_attack])
def test_randomness_and_copies_do_not_depend_on_the_batch(case, make):
    network, photos, _ = case
    whole, split = (ps.trace(make(steps=4), network, photos, batch_size=size) for size in (5, 2))
    keys = ("example", "iteration")
    assert whole.steps.sort(keys)["linf"].to_list() == split.steps.sort(keys)["linf"].to_list()
    assert (whole.images != split.images).float().mean() < 1e-3


def test_passes_for_gradients_elsewhere_are_those_of_the_copies(case):
    network, photos, _ = case
    for make, copies in ((attacks.mi_fgsm, 0), (attacks.ni_fgsm, 1), (attacks.si_ni_fgsm, 5), (attacks.di_fgsm, 1)):
        counting = Counting(network)
        ps.trace(make(steps=4), counting, photos)
        assert counting.forwards == 5 + 4 * copies, make.__name__
        assert counting.backwards == 4 * max(copies, 1), make.__name__


def test_recorded_logits_are_those_of_the_image_itself(case):
    network, photos, _ = case
    for make in (attacks.ni_fgsm, attacks.si_ni_fgsm, attacks.di_fgsm, attacks.pgd, attacks.carlini_wagner):
        trace = ps.trace(make(steps=3), network, photos)
        with torch.no_grad():
            logits = network(trace.images.float() / 255)
        last = trace.steps.filter(iteration=trace.job.attack.steps)
        assert last["ca1"].to_list() == logits.amax(1).tolist(), make.__name__


@given(st.integers(0, 10**6), st.booleans())
def test_carlini_wagner_stops_at_kappa(seed, targeted):
    logits = 5 * torch.randn(6, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    goal = Goal.of(torch.zeros(6, dtype=torch.int64), torch.ones(6, 1, dtype=torch.int64))
    values = CarliniWagner(2.0, targeted).loss(logits, goal)
    for z, got in zip(logits.tolist(), values.tolist(), strict=True):
        margin = z[1] - max(z[:1] + z[2:]) if targeted else max(z[1:]) - z[0]
        assert got == pytest.approx(min(margin, 2.0))
    # Logits far below -10000 are no mask.
    low = torch.tensor([[-30000.0, -20000.0, -25000.0]])
    one = Goal.of(torch.tensor([1]), torch.tensor([[2]]))
    assert CarliniWagner(1e9, targeted=False).loss(low, one).item() == -5000
    assert CarliniWagner(1e9).loss(low, one).item() == -5000


@given(st.integers(0, 10**6), st.floats(0.1, 10), st.floats(-50, 50))
def test_the_ratio_of_logit_differences_sees_neither_shift_nor_scale(seed, scale, shift):
    logits = torch.randn(6, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    goal = Goal.of(torch.zeros(6, dtype=torch.int64), torch.ones(6, 1, dtype=torch.int64))
    for targeted in (False, True):
        values, moved = DLR(targeted).loss(logits, goal), DLR(targeted).loss(scale * logits + shift, goal)
        assert torch.allclose(values, moved, rtol=1e-6)
    z = logits[0]
    ordered = z.sort(descending=True).values
    expected = -(z[0] - z[1:].max()) / (ordered[0] - ordered[2])
    assert DLR().loss(logits, goal)[0].item() == pytest.approx(expected.item())


# The ratio of logit differences is flat once the true class is third.
@pytest.mark.filterwarnings("ignore:dlr-pgd. the gradient vanished:presoftmax.errors.PresoftmaxWarning")
def test_each_runs_stays_in_its_ball_and_records_valid_images(case):
    network, photos, _ = case
    for make in attacks.POPULAR.values():
        if make in (attacks.pgd_l2, attacks.carlini_wagner):
            continue
        attack = make(steps=6, epsilon=8 / 255)
        trace = ps.trace(attack, network, photos)
        last = trace.steps.filter(iteration=attack.steps)
        assert last["linf"].max() <= 8
        assert last["linf"].max() > 0
        first = trace.steps.filter(iteration=0)
        assert last["misclassification_log_odds"].mean() > first["misclassification_log_odds"].mean(), attack.name


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: attacks.mi_fgsm(epsilon=0), "epsilon must be positive, got 0"),
        (lambda: attacks.ti_fgsm(alpha=-1), "the step size must be positive, got -1"),
        (lambda: attacks.ti_fgsm(kernel=4), "the side of the kernel must be odd, got 4"),
        (lambda: attacks.di_fgsm(rate=1.5), r"rate in \(0, 1\); got 0.5, 1.5"),
        (lambda: attacks.si_ni_fgsm(copies=0), "copies must be at least 1"),
        (lambda: attacks.carlini_wagner(c=0), "c must be positive, got 0"),
        (lambda: attacks.bim(goal="sideways"), "goal must be untargeted or targeted, got 'sideways'"),
        (lambda: attacks.bim(discretization="never"), "discretization must be one of"),
        (
            lambda: dataclasses.replace(attacks.carlini_wagner(), constraint=attacks.LinfBall(1)),
            "the tanh space knows no projection",
        ),
    ],
)
def test_settings_that_make_no_sense(make, complaint):
    with pytest.raises(AttackError, match=complaint):
        make()


def test_descriptions_name_every_piece():
    said = attacks.logit_attack().describe()
    assert said["update"] == {
        "kind": "Smoothed",
        "update": {"kind": "MomentumSignStep", "size": 2 / 255, "decay": 1.0},
        "side": 5,
    }
    assert said["views"] == [{"kind": "InputDiversity", "probability": 0.7, "rate": 0.9}]
    assert said["start"] is None


@pytest.mark.parametrize("name", sorted(attacks.POPULAR))
@pytest.mark.parametrize(
    ("keyword", "value", "hint"),
    [
        ("eps", 2 / 255, "the radius is epsilon"),
        ("targeted", True, "goal="),
        ("random_start", False, "pgd starts at random"),
        ("nonsense", 3, "it takes"),
        ("step_size", 0.1, "the step size is alpha"),
        ("discretisation", "final", "did you mean discretization"),
    ],
)
def test_no_keyword_vanishes(name, keyword, value, hint):
    make = attacks.POPULAR[name]
    with pytest.raises(TypeError, match=hint):
        make(**{keyword: value})


def test_every_public_function_refuses_an_unknown_keyword():
    """Whatever takes ``**options`` checks them; the others are checked by Python."""
    taking_any = [
        value
        for module in (ps, ps.attacks, ps.analysis, ps.models, ps.scores, ps.strength, ps.study, ps.numerics, ps.data)
        for name in module.__all__
        if inspect.isfunction(value := getattr(module, name))
        and any(p.kind is p.VAR_KEYWORD for p in inspect.signature(value).parameters.values())
    ]
    assert {each.__name__ for each in taking_any} <= {
        *(make.__name__ for make in attacks.POPULAR.values()), "trace", "prepare", "load_attack", "score",
    }  # fmt: skip
    with pytest.raises(AttackError, match="got an unexpected keyword argument 'eps'"):
        attacks.load_attack("over-optimized", eps=1)
    with pytest.raises(TypeError, match="formular"):
        ps.scores.score(formular="z")(lambda logits, facts: logits)
