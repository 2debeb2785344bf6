"""What is given where a model, its name or its settings are wanted: taken where it can be meant, else said."""

from pathlib import Path

import numpy as np
import pytest
import torch

from presoftmax.errors import ModelError
from presoftmax.models import (
    BlackBox,
    Classifier,
    absolute_name,
    as_model,
    as_source,
    as_victims,
    load_model,
    load_models,
    load_victim,
    table_names,
)
from tests.conftest import Tiny, make_images

NO_NAMES = (None, 3, 3.5, b"net.py:build", ["a", "b"], {"a": 1}, torch.nn.Identity(), torch.nn.Identity, object())


@pytest.mark.parametrize("given", NO_NAMES)
@pytest.mark.parametrize("function", [load_model, load_victim, load_models, table_names, absolute_name])
def test_what_is_no_name_of_a_model(function, given):
    kind = type(given).__name__
    with pytest.raises(TypeError, match=rf"a model's name is a text such as 'torchvision/resnet50'.*, got {kind}"):
        function(given)


@pytest.mark.parametrize("kind", [str, Path])
def test_a_name_is_a_text_or_a_path(tmp_path, kind):
    (tmp_path / "net.py").write_text("import torch\ndef build(): return torch.nn.Flatten()\n")
    name = kind(f"{tmp_path}/net.py:build")
    assert load_model(name, "cpu").name == "net:build"
    assert load_models(name, name, device="cpu")[1].name == "net:build-2"
    assert absolute_name(name) == str(name)


@pytest.mark.parametrize("device", ["gpu", "cuda:99", 3.5, "", object(), "cpu:cpu"])
def test_a_device_that_is_none(tmp_path, device):
    (tmp_path / "net.py").write_text("import torch\ndef build(): return torch.nn.Flatten()\n")
    if device == "":
        assert load_model(f"{tmp_path}/net.py:build", device)
        return
    with pytest.raises(ModelError, match="cannot be used here"):
        load_model(f"{tmp_path}/net.py:build", device)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (Tiny, r"not the class Tiny; make one: Tiny\(\)"),
        (Tiny().state_dict(), "not a state dict; load it into its network"),
        (3, "not int"),
        (None, "not NoneType"),
        (np.zeros(3), "not ndarray"),
    ],
)
def test_what_is_no_model(given, words):
    checks = [as_model, Classifier, BlackBox] + ([] if isinstance(given, dict) else [as_source])
    for check in checks:
        with pytest.raises(TypeError, match=words):
            check(given)


@pytest.mark.parametrize("given", [3, Tiny, {"a": Tiny}, [3], None])
def test_what_is_no_victim(given):
    with pytest.raises(TypeError, match="a victim is a Classifier, an nn.Module, a callable or a name, not"):
        as_victims({"a": given} if given is None else given)


@pytest.mark.parametrize("given", ["torchvision/alexnet", Path("net.onnx")])
def test_the_wrappers_take_no_names(given):
    for wrapper in (Classifier, BlackBox):
        with pytest.raises(TypeError, match="not the name .*; load it first"):
            wrapper(given)


def test_one_victim_several_or_named_ones():
    assert list(as_victims(Tiny())) == ["Tiny"]
    assert list(as_victims((Tiny(), Tiny()))) == ["Tiny", "Tiny-2"]
    assert list(as_victims(torch.nn.ModuleList([Tiny()]))) == ["ModuleList"]
    assert list(as_victims(len)) == ["len"]
    assert list(as_victims(each for each in (Tiny(), len))) == ["Tiny", "len"]
    assert as_victims(()) == {}


@pytest.mark.parametrize("value", [0.5, (0.5,), [0.5, 0.5, 0.5], np.float64([0.5] * 3), torch.tensor([0.5] * 3),
                                   torch.full((1, 3, 1, 1), 0.5), np.float32(0.5)])  # fmt: skip
def test_a_normalization_in_any_form(value):
    expected = Tiny()((make_images().float() / 255 - 0.5) / 0.5)
    torch.testing.assert_close(Classifier(Tiny(), mean=value, std=value)(make_images()), expected)


@pytest.mark.parametrize("value", [(), (1.0, 2.0), (1.0, float("nan"), 1.0), float("inf"), [[0.1, 0.2], [0.3, 0.4]]])
@pytest.mark.parametrize("what", ["mean", "std"])
def test_a_normalization_of_other_channels(what, value):
    with pytest.raises(ModelError, match=f"{what} must be three finite numbers, one per channel"):
        Classifier(Tiny(), **{what: value})


@pytest.mark.parametrize("value", ["imagenet", None, object(), ["a", "b", "c"]])
def test_a_normalization_of_no_numbers(value):
    with pytest.raises(TypeError, match="std is three numbers, one per channel, not"):
        Classifier(Tiny(), std=value)


@pytest.mark.parametrize("value", [3, "ab", b"ab", {"cat": 0}])
@pytest.mark.parametrize("wrap", [Classifier, BlackBox])
def test_class_names_that_are_no_list(wrap, value):
    with pytest.raises(TypeError, match=f"classes is a list of names, one per class, not {type(value).__name__}"):
        wrap(Tiny(), classes=value)


@pytest.mark.parametrize("value", [224, "224", (224, 224), lambda image: image])
def test_a_preprocessing_that_is_none(value):
    with pytest.raises(TypeError, match=r"a Preprocessing, such as Preprocessing\(224\), not"):
        Classifier(Tiny(), preprocessing=value)


@pytest.mark.parametrize("kind", [torch.int64, torch.int32, torch.int8, torch.bool])
def test_whole_numbers_of_another_type_have_no_scale(kind):
    with pytest.raises(TypeError, match=r"images are uint8 \(0 to 255\) or float \(0 to 1\), not"):
        Classifier(Tiny())(make_images().to(kind))
    with pytest.raises(TypeError, match="not ndarray"):
        Classifier(Tiny())(make_images().numpy())


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_floats_of_any_width_are_images(kind):
    assert Classifier(Tiny())((make_images().double() / 255).to(kind)).dtype == torch.float32
