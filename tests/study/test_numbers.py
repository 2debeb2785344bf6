"""Every number of a study's file, with every value that it cannot have: said in a line, with its key."""

import json
import re
from inspect import signature
from pathlib import Path
from typing import Any

import pytest

from presoftmax import attacks
from presoftmax.errors import StudyError
from presoftmax.study.attack_config import PopularConfig
from presoftmax.study.config import StudyConfig
from presoftmax.study.presets import preset
from presoftmax.study.units import LARGEST_BATCH, check_batch

TOP = """
models = ["torchvision/alexnet", "torchvision/vgg16"]
{top}
[images]
path = "photos"
{images}
[[attacks]]
kind = "{kind}"
{attack}
"""
WHOLE = {"seed", "shard", "gallery", "count", "size", "resize", "steps", "classes", "copies", "kernel"}
SETTINGS = ("steps", "epsilon", "alpha", "decay", "copies", "probability", "rate", "kernel", "c", "kappa")
POPULAR_KEYS = {
    kind: [name for name in SETTINGS if name in signature(make).parameters] for kind, make in attacks.POPULAR.items()
}
KEYS = [
    *[("top", "over-optimized", key) for key in ("seed", "shard", "gallery", "victim_timeout")],
    *[("images", "over-optimized", key) for key in ("count", "size", "resize")],
    *[("attack", "over-optimized", key) for key in ("steps", "alpha")],
    *[("attack", "multi-class", key) for key in ("steps", "classes")],
    *[("attack", "composed", key) for key in ("steps", "alpha", "epsilon", "classes")],
    *[("attack", kind, key) for kind, keys in POPULAR_KEYS.items() for key in keys],
]
VALUES = ("inf", "-inf", "nan", "1.5", "-1", "true", '"3"', "1" + "0" * 30, "1" + "0" * 400, "1e400", "[1]", "{a = 1}",
          "2020-01-01", '""', "0", "5e-324", '"1/0"', '"1e400/1"', "1e30", "1" + "0" * 5000)  # fmt: skip


def load(tmp_path: Path, table: str, kind: str, line: str) -> StudyConfig:
    path = tmp_path / "study.toml"
    path.write_text(TOP.format(**{"top": "", "images": "", "attack": "", table: line}, kind=kind))
    return StudyConfig.load(path)


def value_of(config: StudyConfig, table: str, key: str) -> Any:
    return getattr({"top": config, "images": config.images, "attack": config.attacks[0]}[table], key)


@pytest.mark.parametrize("value", VALUES, ids=lambda value: value[:12])
def test_any_number_anywhere(tmp_path, value):
    for table, kind, key in KEYS:
        try:
            config = load(tmp_path, table, kind, f"{key} = {value}")
        except StudyError as error:
            words = str(error)
            assert "\n" not in words
            assert len(words) < 400
            assert len(value) > 4300 or re.search(rf"study.toml:\d+: (\S+\.)?{key}: ", words), words
            continue
        found = value_of(config, table, key)
        assert type(found) is (int if key in WHOLE else float)
        assert found == float(value), key
        assert abs(found) <= 1e12
        assert not (key in WHOLE and "." in value)
        json.dumps(config.values(), allow_nan=False)


@pytest.mark.parametrize(
    "value", ["[inf, 1]", "[0.1, nan]", "[0.1]", "[true, 2]", "0.1", "[0.2, 0.1]", '["0.1", 1]', "[-1, 1]"]
)
def test_both_numbers_of_a_multi_class_attack(tmp_path, value):
    with pytest.raises(StudyError, match=r"study.toml:\d+: attacks.0.alpha") as caught:
        load(tmp_path, "attack", "multi-class", f"alpha = {value}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", ["[inf]", "[1.5]", "[-1]", "[true]", '["3"]', "[1" + "0" * 30 + "]", "3"])
def test_targets_are_classes(tmp_path, value):
    with pytest.raises(StudyError, match=r"attacks.0.targets"):
        load(tmp_path, "attack", "over-optimized", f"targets = {value}")


def test_good_numbers_are_taken_as_they_are(tmp_path):
    for line, kind, key, expected in [
        ('epsilon = "8/255"', "pgd", "epsilon", 8 / 255), ("alpha = 1", "pgd", "alpha", 1.0),
        ("probability = 0", "logit", "probability", 0.0), ("kernel = 1", "logit", "kernel", 1),
        ("steps = 1000000", "bim", "steps", 1000000),
    ]:  # fmt: skip
        config = load(tmp_path, "attack", kind, line)
        assert value_of(config, "attack", key) == expected
        again = StudyConfig.model_validate(json.loads(json.dumps(config.values())))
        assert config.differences(again) == []


def test_every_number_of_every_attack_is_walked_over():
    numeric = {
        name for name, each in PopularConfig.model_fields.items() if re.search("int|float", str(each.annotation))
    }
    assert numeric - {"targets"} == {key for keys in POPULAR_KEYS.values() for key in keys}


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("many models", "models = [" + ",".join(f'"m{i}"' for i in range(100_000)) + "]", "models: .*at most 1000"),
        ("deep", "models = " + "[" * 50_000 + "]" * 50_000, "nested too deeply"),
        ("deep inline", "models = " + "{a=" * 20_000, "nested too deeply|not TOML"),
        ("large", "# " + "x" * 10_000_001, "larger than any study"),
        ("bytes", "\udcff", "not TOML"),
    ],
    ids=lambda value: value[:12],
)
def test_files_that_are_too_much(tmp_path, name, text, words):
    path = tmp_path / "study.toml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(StudyError, match=words) as caught:
        StudyConfig.load(path)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "value", ["inf", "[1, [nan]]", "{a = {b = -inf}}", "2020-01-01", "[" * 30 + "]" * 30, "1" + "0" * 30]
)
def test_settings_of_ones_own_are_plain_values(tmp_path, value):
    with pytest.raises(StudyError, match=r"attacks.0.settings: ") as caught:
        load(tmp_path, "attack", "mine.py:attack", f"settings = {{x = {value}}}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("size", [0, -1, 1.5, True, "3", LARGEST_BATCH + 1, 10**12])
def test_a_batch_that_makes_no_sense(size):
    with pytest.raises(StudyError, match="batch size"):
        check_batch(size)
    check_batch(LARGEST_BATCH)


@pytest.mark.parametrize(
    ("images", "steps", "key"), [(10**30, None, "images.count"), (None, 10**12, "steps"), (0, 1, "images.count")]
)
def test_options_of_a_panel_are_checked_too(images, steps, key):
    with pytest.raises(StudyError, match=key) as caught:
        preset("efficientnet-lite", None, images, steps)
    assert "\n" not in str(caught.value)
