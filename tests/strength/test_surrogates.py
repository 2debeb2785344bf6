"""Expected transfer of finished examples: who may be asked, what the number is, and that it is what a study's is."""

import numpy as np
import polars as pl
import pytest
import torch

import presoftmax as ps
from presoftmax import attacks, numerics
from presoftmax.errors import DataError, ModelError
from presoftmax.models import BlackBox, Classifier
from presoftmax.scores import expected_transfer, model_scale
from presoftmax.strength import COPIES, Examples, measure
from tests.conftest import Tiny, make_images, make_set

COUNT = 24
pytestmark = pytest.mark.filterwarnings("ignore:what is natural:presoftmax.errors.PresoftmaxWarning")


@pytest.fixture(scope="module")
def case():
    network = Tiny(0)
    photos = make_set(network, COUNT)
    adversarial = ps.trace(attacks.bim(8, epsilon=16 / 255, alpha=4 / 255), network, photos).images
    return network, photos, adversarial


def odds(network, pixels, labels):
    with torch.no_grad():
        return numerics.misclassification_log_odds(network(pixels.float() / 255), labels).numpy()


def test_the_number_is_the_rule_of_what_the_models_say(case):
    network, photos, adversarial = case
    others = [Tiny(1), Tiny(2)]
    found = measure(Examples(adversarial, photos), network, surrogates=others)
    labels = photos.labels
    scaled = [odds(n, adversarial, labels) / model_scale(odds(n, photos.images, labels)) for n in others]
    copies = np.mean([odds(network, copy(adversarial), labels) for copy in COPIES.values()], axis=0)
    copies /= model_scale(odds(network, photos.images, labels))
    by_hand = expected_transfer(np.stack(scaled, axis=1), copies)
    np.testing.assert_allclose(found.strength["expected_transfer"].to_numpy(), by_hand, rtol=1e-5)
    ours = found.strength.filter("adversarial").sort("expected_transfer", descending=True)
    assert ours["rank_by_expected_transfer"].to_list() == list(range(1, ours.height + 1))
    assert found.strength.filter(~pl.col("adversarial"))["rank_by_expected_transfer"].null_count() == (
        COUNT - ours.height
    )
    without = measure(Examples(adversarial, photos), network)
    assert without.surrogates is None
    assert without.strength["expected_transfer"].null_count() == COUNT
    same = [name for name in without.strength.columns if "transfer" not in name]
    assert without.strength.select(same).equals(found.strength.select(same))


def named(seed):
    return Classifier(Tiny(seed), name="tiny")


SAME = Tiny(1)
REFUSED = {
    "the very source": lambda network: ({}, [network]),
    "the source once more": lambda network: ({}, {"other": Tiny(0)}),
    "the source in a wrapper": lambda network: ({}, [Classifier(network, name="wrapped")]),
    "a victim": lambda network: ({"v": SAME}, [SAME]),
    "a victim under another name": lambda network: ({"v": SAME}, {"s": Tiny(1)}),
    "a bound method that is a victim": lambda network: ({"v": BlackBox(API.ask)}, {"s": BlackBox(API.ask)}),
    "a black box that is a victim": lambda network: ({"v": BOX}, {"s": BlackBox(BOX.function, name="again")}),
}


class Api:
    def ask(self, images):
        return Tiny(4)(images.float() / 255)


API = Api()
BOX = BlackBox(lambda images: Tiny(3)(images), name="box")


@pytest.mark.parametrize("how", REFUSED)
def test_neither_the_source_nor_a_victim_is_its_own_surrogate(case, how):
    network, photos, adversarial = case
    victims, surrogates = REFUSED[how](network)
    with pytest.raises(ModelError, match=r"as well: it stands for models that are not asked$"):
        measure(Examples(adversarial, photos), network, victims, surrogates=surrogates)


def test_models_that_only_have_the_same_name_are_different_models(case):
    _, photos, adversarial = case
    found = measure(Examples(adversarial, photos), named(0), [named(1)], surrogates=[named(2), named(3)])
    assert len(set(found.surrogates.names)) == 2


def test_a_surrogate_of_other_classes_or_without_a_scale_is_refused(case):
    network, photos, adversarial = case
    with pytest.raises((ModelError, DataError)):
        measure(Examples(adversarial, photos), network, surrogates=[Tiny(1, classes=4)])
    broken = Classifier(Broken(), name="broken")
    with pytest.raises((ModelError, DataError), match="broken"):
        measure(Examples(adversarial, photos), network, surrogates=[broken])


class Broken(Tiny):
    def forward(self, x):
        return super().forward(x) * torch.nan


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_is_an_8_bit_image_of_the_same_size_that_depends_on_its_image_alone(name):
    images = make_images(4, size=9)
    copied = COPIES[name](images)
    assert (copied.dtype, copied.shape) == (torch.uint8, images.shape)
    assert not torch.equal(copied, images)
    torch.testing.assert_close(COPIES[name](images[2:3])[0], copied[2])
    assert torch.equal(COPIES[name](images), copied)


def test_shifts_and_flip_move_pixels_and_noise_is_as_large_as_it_says():
    images = make_images(2, size=32)
    assert torch.equal(COPIES["down"](images)[..., 1:, :], images[..., :-1, :])
    assert torch.equal(COPIES["left"](images)[..., :-1], images[..., 1:])
    assert torch.equal(COPIES["flip"](COPIES["flip"](images)), images)
    gray = torch.full((1, 3, 64, 64), 128, dtype=torch.uint8)
    off = COPIES["noise1"](gray).double() - 128
    assert float(off.std()) == pytest.approx(12, rel=0.05)
    assert not torch.equal(COPIES["noise1"](gray), COPIES["noise2"](gray))


def test_what_a_surrogate_does_not_say_is_no_number(case):
    """One example of which the only surrogate knows nothing has no rule, and is marked for a predictor."""
    network, photos, adversarial = case

    def says(images):
        logits = Tiny(1)(images.float() / 255)
        same = (images == adversarial[0]).flatten(1).all(dim=1)
        return torch.where(same[:, None], torch.nan, logits)

    found = measure(Examples(adversarial, photos), network, surrogates={"s": BlackBox(says)})
    assert found.strength["expected_transfer"].null_count() == 1
    assert found.strength["expected_transfer"][0] is None
    assert found.strength["rank_by_expected_transfer"][0] is None


def test_images_of_a_pixel_have_copies():
    images = make_images(2, size=1)
    assert all(copy(images).shape == images.shape for copy in COPIES.values())


def test_judge_takes_surrogates_and_a_predictor_needs_them(case, tmp_path):
    network, photos, adversarial = case
    judged = ps.judge(network, photos, adversarial, surrogates={"b": Tiny(1)}, victims={"c": Tiny(2)})
    assert judged.table["expected_transfer"].null_count() == 0
    with pytest.raises(DataError, match="not a transfer predictor|No such file"):
        ps.judge(network, photos, adversarial, predictor=tmp_path / "nothing.json", surrogates=[Tiny(1)])
