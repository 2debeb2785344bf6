"""Whatever an object holds, it prints in a dozen lines of plain text, in escaped HTML too, and equals what it did."""

import dataclasses
import importlib
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from torch import nn

import presoftmax as ps
from presoftmax import study
from presoftmax.analysis import by_source
from presoftmax.data import Arrays, Listing, Skipped
from presoftmax.data.listing import Entry
from presoftmax.printing import Printed, brief
from presoftmax.scores import NaturalReference
from presoftmax.strength import Examples, MeasuredExamples, measure
from presoftmax.study import ModelNames, Results, StudyConfig, StudyFolder, Unit
from presoftmax.tracing import prepare
from tests.conftest import CLASSES, Tiny, make_images
from tests.text.nasty import NASTY
from tests.text.test_printable import is_harmless

MANY = 1000
LONG = "an \x1b[31m\u202e<b>id</b>\nthat is as long as a path, " * 12
pytestmark = pytest.mark.filterwarnings("ignore::presoftmax.errors.PresoftmaxWarning")


def names(count=MANY):
    return [f"{LONG}{i}" for i in range(count)]


def many_images():
    skipped = tuple(Skipped(name, LONG) for name in names())
    whole = ps.ImageSet.from_arrays(make_images(MANY), torch.arange(MANY) % CLASSES, names())
    return dataclasses.replace(whole, skipped=skipped)


def few():
    return ps.ImageSet.from_arrays(make_images(6), torch.arange(6), names(6))


def config(**options):
    attacks = [{"kind": "over-optimized", "steps": 2, "alpha": 0.1, "name": f"a{i}"} for i in range(100)]
    return StudyConfig.model_validate(
        {"title": LONG, "models": names(100), "victims": [f"v{LONG}{i}" for i in range(100)], "attacks": attacks,
         "images": {"path": LONG}, **options}
    )  # fmt: skip


def measured(count):
    return measure(Examples(make_images(count, 1), few() if count == 6 else many_images()), Tiny(0))


def classifier(**options):
    return ps.Classifier(Tiny(0), name=LONG, classes=names(CLASSES), preprocessing=ps.Preprocessing(6), **options)


def trace(**options):
    attack = dataclasses.replace(ps.attacks.over_optimized(steps=2, alpha=0.1), name=LONG)
    return ps.trace(attack, classifier(), few(), victims={name: Tiny(1) for name in names(20)}, **options)


def results():
    units = tuple(Unit(LONG, LONG, i) for i in range(MANY))
    named = ModelNames(tuple(names()), tuple(names()), MANY, tuple(["as given"] * MANY))
    return Results(StudyFolder(Path(LONG)), config(), named, units)


def trajectories():
    whole = trace()
    return next(iter(by_source(whole.steps, whole.transfers, ["ca1"])))


OBJECTS = {
    "ImageSet": many_images,
    "Listing": lambda: Listing(LONG, tuple(Entry(name, Path(name), 0) for name in names())),
    "Arrays": lambda: Arrays(make_images(MANY), torch.zeros(MANY, dtype=torch.int64), None),
    "Examples": lambda: Examples(make_images(MANY), many_images(), tuple(names())),
    "MeasuredExamples": lambda: measured(MANY),
    "NaturalReference": lambda: NaturalReference.fit(LONG, torch.randn(MANY, 50)),
    "Tail": lambda: NaturalReference.fit(LONG, torch.randn(MANY, 50)).tail,
    "TopLogits": lambda: NaturalReference.fit(LONG, torch.randn(MANY, 50)).top,
    "Classifier": classifier,
    "a large network": lambda: ps.Classifier(nn.Sequential(*(Tiny(0) for _ in range(50)))),
    "Ensemble": lambda: ps.ensemble([classifier() for _ in range(20)]),
    "BlackBox": lambda: ps.BlackBox(lambda images: images, name=LONG, classes=names()),
    "Job": lambda: prepare(ps.attacks.bim(3), Tiny(0), many_images(), victims={n: Tiny(1) for n in names(50)}),
    "Block": lambda: trace(keep="all").blocks[0],
    "Trace": trace,
    "Judged": lambda: trace().judge(),
    "JudgedSummary": lambda: trace().judge().summary,
    "WorstCase": lambda: ps.analysis.worst_case([trace()] * 20),
    "Trajectories": trajectories,
    "Selection": lambda: ps.select_correct([few()], [classifier()]),
    "Recording": lambda: ps.record(Tiny(0), many_images().images, many_images().labels),
    "StudyConfig": config,
    "StudyFolder": lambda: StudyFolder(Path(LONG)),
    "Results": results,
    "ModelNames": lambda: results().names,
    "an attack of one's own": lambda: ps.attacks.composed(lambda logits, goal: logits[:, 0], name=LONG, classes=0),
    **{f"the attack {name}": lambda build=build: build() for name, build in ps.attacks.ATTACKS.items()},
}


class Text(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.text += data


def check_text(text):
    assert len(text.splitlines()) <= 12, text
    assert len(text) <= 2000, text
    assert "tensor(" not in text
    assert "shape: (" not in text
    assert all(map(is_harmless, text.split("\n"))), text


@pytest.mark.parametrize("name", OBJECTS)
def test_it_prints_in_a_dozen_lines(name):
    value = OBJECTS[name]()
    for text in (repr(value), str(value), f"{value}"):
        check_text(text)
    if getattr(type(value), "_repr_html_", None) is Printed._repr_html_:
        page = Text(value._repr_html_())
        assert page.tags == ["pre"]
        assert page.text == repr(value)
    elif hasattr(value, "_repr_html_"):
        assert all(map(is_harmless, Text(value._repr_html_()).text.split("\n")))


@pytest.mark.parametrize("name", NASTY.values(), ids=NASTY)
def test_any_name_is_text_on_its_line(name):
    images = ps.ImageSet.from_arrays(make_images(2), [0, 1], [name, "b"])
    for value in (
        images,
        ps.BlackBox(lambda shown: shown, name=name),
        dataclasses.replace(ps.attacks.bim(3), name=name),
    ):
        check_text(repr(value))
    for held in (name, Path(name), [name], {name: name}, Thing(name)):
        assert is_harmless(brief(held))


class Thing:
    """Of somebody else, who prints it as he likes."""

    def __init__(self, text):
        self.text = text

    def __repr__(self):
        return self.text


@pytest.mark.parametrize("name", ["the attack bim", "Classifier", "Ensemble", "BlackBox", "an attack of one's own"])
def test_models_and_attacks_are_a_line_or_two(name):
    assert len(repr(OBJECTS[name]()).splitlines()) <= 2


def test_every_public_dataclass_that_can_hold_many_things_prints_so():
    packages = [ps, *(importlib.import_module(f"presoftmax.{name}") for name in ROOMS)]
    found = {kind for package in packages for kind in map(package.__getattribute__, package.__all__) if is_large(kind)}
    assert {"ImageSet", "Examples", "MeasuredExamples", "Results"} <= {kind.__name__ for kind in found}
    assert not {kind.__name__ for kind in found if not issubclass(kind, Printed) or "__repr__" in vars(kind)}


def is_large(kind):
    """Whether a dataclass has a tensor, a table or a collection among its fields."""
    if not isinstance(kind, type) or not dataclasses.is_dataclass(kind) or kind.__name__ in SMALL:
        return False
    types = " ".join(str(each.type) for each in dataclasses.fields(kind))
    return kind.__module__ != "presoftmax.attacks.objectives" and bool(LARGE.search(types))


LARGE = re.compile("Tensor|DataFrame|Values|Flags|tuple|Mapping|dict|list|ndarray|ImageSet")
ROOMS = (
    "analysis", "analysis.claims", "analysis.prediction", "data", "interop", "judging", "models", "scores", "strength",
    "study", "tracing", "workflows",
)  # fmt: skip
SMALL = {"Facts", "Score", "Preprocessing", "Listed", "Point", "DemoSettings", "ScoreSettings"}
"""A handful of numbers or words."""


def test_what_it_says():
    assert repr(few().select(range(2))).splitlines()[0] == "ImageSet of 2 images of 6 x 6, 2 classes"
    small = ps.ImageSet.from_arrays(make_images(5), [0, 1, 2, 3, 3], list("abcde"))
    assert repr(small) == "ImageSet of 5 images of 6 x 6, 4 classes\n  ids: a, b, c, ... (5)"
    assert repr(ps.Classifier(Tiny(0), name="net")) == "Classifier net: Tiny, any size, run as given on cpu"
    assert repr(ps.attacks.bim(3)).startswith("Attack bim: 3 steps of SignStep(")
    assert repr(Examples(small.images, small)).splitlines() == [
        "Examples of 5", "  adversarial: uint8 (5, 3, 6, 6)", "  clean: ImageSet of 5 images of 6 x 6, 4 classes",
        "  notes: none",
    ]  # fmt: skip
    assert brief(np.zeros((2, 3), dtype=np.int32)) == "int32 (2, 3)"
    assert brief(pl.DataFrame({"a": [1, 2]})) == "a table of 2 rows"


def test_equality_hashes_and_fields_are_as_before():
    assert ps.attacks.bim(3) == ps.attacks.bim(3)
    assert hash(ps.attacks.bim(3)) == hash(ps.attacks.bim(3))
    assert ps.attacks.bim(3) != ps.attacks.bim(4)
    assert config() == config()
    assert config() != config(seed=1)
    assert StudyFolder(Path("a")) == StudyFolder(Path("a"))
    assert MeasuredExamples.__eq__ is not object.__eq__
    assert study.StudyConfig.model_validate(config().values()) == config()
