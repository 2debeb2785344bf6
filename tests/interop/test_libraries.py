"""Attacks of other libraries, recorded: the same bits out, and sensible tables. Each runs where it is installed."""

import numpy as np
import pytest
import torch
from torch import nn

import presoftmax as ps

pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.filterwarnings("ignore::presoftmax.errors.PresoftmaxWarning"),
]


class Net(nn.Module):
    """ART calls the layers of an nn.Sequential one by one, which then is never called itself."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 8, 5, 2), nn.Tanh(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(392, 10))
        self.layers[-1].weight.data.mul_(8)

    def forward(self, x):
        return self.layers(x)


@pytest.fixture(scope="module")
def case():
    torch.manual_seed(0)
    network = Net().eval()
    images = torch.randint(0, 256, (6, 3, 32, 32), dtype=torch.uint8)
    floats = images.float() / 255
    with torch.no_grad():
        labels = network(floats).argmax(dim=1)
    return network, images, floats, labels


def torchattacks(name, **options):
    def run(network, floats, labels):
        library = pytest.importorskip("torchattacks")
        return getattr(library, name)(network, **options)(floats, labels)

    return run


def foolbox(name, epsilons=8 / 255, **options):
    def run(network, floats, labels):
        library = pytest.importorskip("foolbox")
        model = library.PyTorchModel(network, bounds=(0, 1), device="cpu")
        return getattr(library.attacks, name)(**options)(model, floats, labels, epsilons=epsilons)[1]

    return run


def art(name, **options):
    def run(network, floats, labels):
        evasion = pytest.importorskip("art.attacks.evasion")
        estimators = pytest.importorskip("art.estimators.classification")
        classifier = estimators.PyTorchClassifier(
            network, nn.CrossEntropyLoss(), (3, 32, 32), 10, clip_values=(0, 1), device_type="cpu"
        )
        return getattr(evasion, name)(classifier, verbose=False, **options).generate(floats.numpy(), labels.numpy())

    return run


def torchattack(network, floats, labels):
    library = pytest.importorskip("torchattack")
    return library.MIFGSM(network, normalize=None, device=torch.device("cpu"), steps=5)(floats, labels)


def secml(network, floats, labels):
    pgd = pytest.importorskip("secmlt.adv.evasion.pgd")
    from secmlt.adv.backends import Backends
    from secmlt.adv.evasion.perturbation_models import LpPerturbationModels
    from secmlt.models.pytorch.base_pytorch_nn import BasePyTorchClassifier
    from torch.utils.data import DataLoader, TensorDataset

    attack = pgd.PGD(
        perturbation_model=LpPerturbationModels.LINF, epsilon=8 / 255, num_steps=5, step_size=2 / 255,
        random_start=False, y_target=None, backend=Backends.NATIVE,
    )  # fmt: skip
    data = DataLoader(TensorDataset(floats, labels), batch_size=len(floats))
    return torch.cat([batch[0] for batch in attack(BasePyTorchClassifier(network), data)])


def adv_lib(network, floats, labels):
    library = pytest.importorskip("adv_lib.attacks")
    return library.ddn(network, floats, labels, steps=5)


ATTACKS = {
    "torchattacks PGD": (torchattacks("PGD", steps=5), 5),
    "torchattacks MIFGSM": (torchattacks("MIFGSM", steps=5), 5),
    "torchattacks DIFGSM": (torchattacks("DIFGSM", steps=5), 5),
    "torchattacks CW": (torchattacks("CW", steps=5), 1),
    "torchattacks SINIFGSM": (torchattacks("SINIFGSM", steps=2, m=3), 6),
    "torchattacks EOTPGD": (torchattacks("EOTPGD", steps=3, eot_iter=2), 6),
    "torchattacks AutoAttack": (torchattacks("AutoAttack", n_classes=10, seed=0), 5),
    "foolbox LinfPGD": (foolbox("LinfPGD", steps=5), 5),
    "foolbox L2CarliniWagner": (
        foolbox("L2CarliniWagnerAttack", epsilons=None, steps=5, binary_search_steps=1, stepsize=0.1), 1,
    ),
    "ART PGD": (art("ProjectedGradientDescent", eps=8 / 255, eps_step=2 / 255, max_iter=5), 5),
    "ART AutoPGD": (
        art("AutoProjectedGradientDescent", eps=8 / 255, eps_step=2 / 255, max_iter=3, nb_random_init=1), 3,
    ),
    "torchattack MIFGSM": (torchattack, 5),
    "SecML-Torch PGD": (secml, 5),
    "adv-lib DDN": (adv_lib, 5),
}  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS)
def test_recording_changes_nothing(name, case):
    attack, fewest = ATTACKS[name]
    network, images, floats, labels = case

    def run():
        torch.manual_seed(0)
        np.random.seed(0)  # noqa: NPY002  what ART draws from
        return torch.as_tensor(attack(network, floats.clone(), labels.clone()))

    plain = run()
    with ps.record(network, images, labels, attack=name) as rec:
        recorded = run()
    assert torch.equal(plain, recorded)
    assert rec.forwards >= fewest
    assert rec.backwards >= fewest
    steps = rec.steps
    assert steps.group_by("example").len().height == 6
    clean = steps.filter(iteration=0)
    assert clean.height == 6
    assert (clean["predicted"] == clean["label"]).all()
    assert steps["iteration"].max() >= 1
    assert steps["misclassification_log_odds"].max() > clean["misclassification_log_odds"].max()
