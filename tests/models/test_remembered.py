"""What was the fastest is remembered; nothing else than time depends on it."""

import logging

import pytest
import torch
from torch import nn

import presoftmax as ps
from presoftmax.choices import Precision
from presoftmax.cli.app import app
from presoftmax.models import Classifier, accelerate
from presoftmax.models.fast import _remembered as module
from presoftmax.models.fast import acceleration
from presoftmax.storage import signed
from tests.conftest import make_images

SIDE = 8


class Net(nn.Module):
    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.conv, self.norm = nn.Conv2d(3, 32, 3, padding=1), nn.BatchNorm2d(32)
        self.middle, self.head = nn.Conv2d(32, 96, 3, padding=1), nn.Linear(96 * SIDE * SIDE, 20)

    def forward(self, x):
        return self.head(self.middle(torch.relu(self.norm(self.conv(x)))).flatten(1))


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.delenv(module.NO_CACHE)
    monkeypatch.setattr(module, "user_cache_path", lambda name: tmp_path / "cache" / name)
    return tmp_path / "cache" / "presoftmax" / "variants"


@pytest.fixture
def measured(monkeypatch):
    """How often variants were timed."""
    found = []
    usual = acceleration.fastest_variant

    def counting(*given, **options):
        found.append(given)
        return usual(*given, **options)

    monkeypatch.setattr(acceleration, "fastest_variant", counting)
    return found


def faster(network=None, count=2, precision=Precision.EXACT, gradient=True):
    model = Classifier(network or Net())
    return accelerate(model, make_images(count, size=SIDE), precision, gradient=gradient, passes=1000)


def logits(model):
    with torch.no_grad():
        return model(make_images(3, size=SIDE)).numpy().tobytes()


def test_a_network_is_measured_once_and_is_the_same_to_the_last_bit(cache, measured):
    cold, warm, again = faster(), faster(), faster()
    assert len(measured) == 1
    assert cold.variant == warm.variant == again.variant
    assert logits(cold) == logits(warm) == logits(again)
    assert len(list(cache.iterdir())) == 1


OTHERS = {
    "weights": lambda patch: faster(Net(1)),
    "a weight": lambda patch: faster(_changed()),
    "network": lambda patch: faster(nn.Sequential(Net())),
    "batch": lambda patch: faster(count=3),
    "precision": lambda patch: faster(precision=Precision.FAST),
    "no gradient": lambda patch: faster(gradient=False),
    "torch": lambda patch: (patch.setattr(module.torch, "__version__", "1.0"), faster()),
    "presoftmax": lambda patch: (patch.setattr(module, "__version__", "9"), faster()),
    "machine": lambda patch: (patch.setattr(module.platform, "node", lambda: "elsewhere"), faster()),
    "processor": lambda patch: (patch.setattr(module.platform, "processor", lambda: "another"), faster()),
    "threads": lambda patch: (patch.setattr(module.torch, "get_num_threads", lambda: 77), faster()),
    "candidates": lambda patch: (
        patch.setattr(acceleration, "candidates", lambda *_: list(acceleration.PORTABLE)),
        faster(),
    ),
}


def _changed() -> Net:
    network = Net()
    with torch.no_grad():
        network.conv.bias[3] += 1e-3
    return network


@pytest.mark.parametrize("what", OTHERS)
def test_anything_else_is_measured_anew(what, cache, measured, monkeypatch):
    faster()
    OTHERS[what](monkeypatch)
    assert len(measured) == 2


DAMAGES = {
    "empty": b"",
    "cut": b'{"variant": "simpl',
    "not text": b"\xff\xfe\x00",
    "a list": b"[]",
    "unsigned": b'{"variant": "simplified"}',
    "no such variant": signed({"variant": "warp"}).encode(),
    "no text": signed({"variant": 3}).encode(),
    "nothing known": signed({}).encode(),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_as_none_and_written_anew(damage, cache, measured):
    expected = faster()
    (file,) = cache.iterdir()
    file.write_bytes(DAMAGES[damage])
    found = faster()
    assert len(measured) == 2
    assert logits(found) == logits(expected) or found.variant != expected.variant
    faster()
    assert len(measured) == 2


def test_what_is_remembered_is_compared_with_the_network_before_it_is_used(cache, measured, monkeypatch):
    faster()
    monkeypatch.setattr(acceleration, "as_variant", lambda model, variant: Classifier(Net(5)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            acceleration, "fastest_variant", lambda model, *_, **__: (model, acceleration.Choice(model.variant))
        )
        found = faster()
    assert found.variant == ps.models.AS_GIVEN


def test_a_folder_that_cannot_be_written_changes_nothing(cache, measured, monkeypatch, tmp_path):
    (tmp_path / "cache").write_text("a file")
    assert logits(faster()) == logits(faster()) or len(measured) == 2
    assert len(measured) == 2


def test_without_a_cache_nothing_is_read_or_written(cache, measured, monkeypatch):
    monkeypatch.setenv(module.NO_CACHE, "1")
    faster(), faster()
    assert len(measured) == 2
    assert not cache.exists()


def test_a_small_network_leaves_no_file(cache, measured):
    small = nn.Sequential(nn.Flatten(), nn.Linear(3 * SIDE * SIDE, 5))
    faster(small), faster(small)
    assert len(measured) == 2
    assert not cache.exists()


def test_it_is_said_what_is_known(cache, caplog):
    with caplog.at_level(logging.INFO, logger="presoftmax"):
        faster(), faster()
    assert "as was measured before" in caplog.text


@pytest.mark.parametrize("command", ["demo", "run", "plan", "reproduce"])
def test_commands_that_measure_can_do_without(command):
    (found,) = [each for each in app.registered_commands if each.callback.__name__ == command]
    assert "no_cache" in found.callback.__annotations__
