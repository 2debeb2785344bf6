"""Popular attacks: the same images as the libraries that people take them from."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import presoftmax as ps
from presoftmax import attacks
from presoftmax.attacks import DLR, CarliniWagner, Goal
from presoftmax.errors import AttackError
from tests.conftest import Tiny, make_set


@pytest.fixture
def case():
    network = Tiny(0).eval()
    photos = make_set(network)
    return network, photos, photos.images.float() / 255


def ours(attack, network, photos, targets=None):
    """The float images after the last step."""
    return ps.trace(attack, network, photos, targets=targets).float_images


LABEL_TARGETS = 3


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


@given(st.integers(0, 10**6), st.booleans())
def test_carlini_wagner_stops_at_kappa(seed, targeted):
    logits = 5 * torch.randn(6, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    goal = Goal(torch.zeros(6, dtype=torch.int64), torch.ones(6, 1, dtype=torch.int64))
    values = CarliniWagner(2.0, targeted)(logits, goal)
    for z, got in zip(logits.tolist(), values.tolist(), strict=True):
        margin = z[1] - max(z[:1] + z[2:]) if targeted else max(z[1:]) - z[0]
        assert got == pytest.approx(min(margin, 2.0))
    # Logits far below -10000 are no mask.
    low = torch.tensor([[-30000.0, -20000.0, -25000.0]])
    one = Goal(torch.tensor([1]), torch.tensor([[2]]))
    assert CarliniWagner(1e9, targeted=False)(low, one).item() == -5000
    assert CarliniWagner(1e9)(low, one).item() == -5000


@given(st.integers(0, 10**6), st.floats(0.1, 10), st.floats(-50, 50))
def test_the_ratio_of_logit_differences_sees_neither_shift_nor_scale(seed, scale, shift):
    logits = torch.randn(6, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    goal = Goal(torch.zeros(6, dtype=torch.int64), torch.ones(6, 1, dtype=torch.int64))
    for targeted in (False, True):
        values, moved = DLR(targeted)(logits, goal), DLR(targeted)(scale * logits + shift, goal)
        assert torch.allclose(values, moved, rtol=1e-6)
    z = logits[0]
    ordered = z.sort(descending=True).values
    expected = -(z[0] - z[1:].max()) / (ordered[0] - ordered[2])
    assert DLR()(logits, goal)[0].item() == pytest.approx(expected.item())


# The ratio of logit differences is flat once the true class is third.
@pytest.mark.filterwarnings("ignore:dlr-pgd. the gradient vanished:presoftmax.errors.PresoftmaxWarning")
def test_each_runs_stays_in_its_ball_and_records_valid_images(case):
    network, photos, _ = case
    makers = (attacks.bim, attacks.mi_fgsm, attacks.margin_pgd, attacks.dlr_pgd, attacks.logit_attack)
    for make in makers:
        attack = make(steps=6, epsilon=8 / 255)
        trace = ps.trace(attack, network, photos)
        last = trace.steps.filter(iteration=6)
        assert last["linf"].max() <= 8
        assert last["linf"].max() > 0
        first = trace.steps.filter(iteration=0)
        assert last["misclassification_log_odds"].mean() > first["misclassification_log_odds"].mean(), attack.name


def test_sizes_that_make_no_sense():
    with pytest.raises(AttackError, match="mi-fgsm: epsilon and alpha must be positive"):
        attacks.mi_fgsm(epsilon=0)
