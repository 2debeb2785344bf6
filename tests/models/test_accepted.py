"""Models wherever models are taken: wrapped, plain, callable, by name."""

from pathlib import Path

import pytest

import presoftmax as ps
from presoftmax.errors import ModelError
from presoftmax.models import BlackBox, Classifier, as_source, as_victims
from tests.conftest import Tiny, make_set

FILE = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from tests.conftest import Tiny
def net():
    return Tiny(0)
"""


@pytest.fixture
def name(tmp_path):
    (tmp_path / "m.py").write_text(FILE)
    return f"{tmp_path}/m.py:net"


def test_one_rule_for_every_form(name):
    net = Tiny(1)
    victims = as_victims({"a": name, "b": net, "c": lambda x: x, "d": Path(name)})
    assert [type(each) for each in victims.values()] == [Classifier, Classifier, BlackBox, Classifier]
    assert list(as_victims([name, net, name])) == ["m:net", "Tiny", "m:net-2"]
    assert list(as_victims(name)) == ["m:net"]
    assert as_source({"mine": name}).name == "mine"


def test_an_attack_and_a_judgment_by_names(name):
    photos = make_set(Tiny(0))
    trace = ps.trace(ps.attacks.over_optimized(2), name, photos, victims={"twin": name})
    assert trace.steps["source"].unique().to_list() == ["m:net"]
    assert trace.transfers["predicted"].to_list() == trace.steps["predicted"].to_list()
    assert trace.judge().table["predicted_clean"].to_list() == photos.labels.tolist()


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ("nowhere/net", ModelError, "no model 'nowhere/net'"),
        (None, TypeError, "not NoneType"),
        (3, TypeError, "not int"),
        ({}, TypeError, "one source, got 0"),
    ],
)
def test_what_is_no_model_is_said(given, error, words):
    with pytest.raises(error, match=words):
        as_source(given)
    with pytest.raises(error, match="no model|not "):
        as_victims([given] if given != {} else 3)
