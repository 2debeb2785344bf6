"""What an attack returned, judged by the recording of it."""

import numpy as np
import pytest
import torch

import presoftmax as ps
from tests.conftest import Tiny, make_set
from tests.interop.test_recording import sign_attack
from tests.judging.test_judge import Scaled

pytestmark = pytest.mark.filterwarnings("ignore::presoftmax.errors.PresoftmaxWarning")


def test_the_numbers_are_those_of_judging_the_images_themselves():
    network = Tiny(0)
    photos = make_set(network)
    with ps.record(network, photos.images, photos.labels, ids=photos.ids, name="net") as rec:
        adversarial = sign_attack(network, photos.images.float() / 255, photos.labels)
    passes = rec.forwards
    judged = rec.judge(adversarial, victims={"v": Tiny(5)})
    expected = ps.judge({"net": network}, photos, adversarial, victims={"v": Tiny(5)})
    assert judged.table.equals(expected.table)
    assert judged.transfers.equals(expected.transfers)
    assert judged.source == "net"
    assert rec.forwards == passes
    assert judged.table["example"].to_list() == list(photos.ids)


def test_images_in_the_units_of_a_normalized_model():
    mean, std = (0.4, 0.5, 0.3), (0.2, 0.3, 0.25)
    network = torch.nn.Sequential(Scaled(mean, std), Tiny(0)).eval()
    photos = make_set(Tiny(0))
    shift, scale = (torch.tensor(each).view(1, 3, 1, 1) for each in (mean, std))
    with ps.record(network, photos.images, photos.labels, mean=mean, std=std) as rec:
        shown = (photos.images.float() / 255 - shift) / scale
        adversarial = shown + 0.1
        network(adversarial)
    judged = rec.judge(adversarial.clamp(max=((1 - shift) / scale)))
    expected = ps.judge(Tiny(0), photos, (photos.images.float() / 255 + 0.1 * scale).clamp(max=1))
    assert np.allclose(judged.table["ca1"], expected.table["ca1"], atol=1e-4)
    assert judged.table["linf"].to_list() == expected.table["linf"].to_list()


def test_it_says_in_a_few_lines_what_it_is():
    network = Tiny(0)
    photos = make_set(network)
    with ps.record(network, photos.images, photos.labels, name="net", attack="sign") as rec:
        assert repr(rec) == "Recording of sign on net: 5 examples, 0 passes, 0 with gradient"
        sign_attack(network, photos.images.float() / 255, photos.labels)
    assert "6 passes, 5 with gradient, 5 iterations at most; .steps has 30 rows" in repr(rec)
    assert repr(rec).count("\n") < 12
