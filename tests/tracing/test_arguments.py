"""What `trace` and what it gives take: any reasonable form of each argument, and a line that names any other."""

from fractions import Fraction
from itertools import permutations
from pathlib import Path
from traceback import walk_tb

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image
from torch.utils.data import DataLoader, TensorDataset

import presoftmax as ps
from presoftmax.errors import PresoftmaxError
from tests.conftest import CLASSES, SIZE, Tiny, make_set

ATTACK = ps.attacks.over_optimized(steps=2, alpha=0.05)
NET = Tiny()
PHOTOS = make_set(NET, 4)
IMAGES, LABELS = PHOTOS.images, PHOTOS.labels
OTHERS = (LABELS + 1) % CLASSES
EXPECTED = ps.trace(ATTACK, NET, IMAGES, LABELS, targets=OTHERS)

HUGE = 10**5000
"""More digits than Python prints."""

TAKEN_IMAGES = {
    "a tensor of bytes": IMAGES,
    "an array": IMAGES.numpy(),
    "doubles": IMAGES.double().numpy() / 255,
    "channels last": IMAGES.permute(0, 2, 3, 1),
    "a list of tensors": list(IMAGES),
    "a list of arrays": [image.numpy() for image in IMAGES],
    "a tuple": tuple(IMAGES),
    "pictures": [Image.fromarray(image.permute(1, 2, 0).numpy()) for image in IMAGES],
    "not contiguous": IMAGES.flip(0).flip(0).transpose(2, 3).contiguous().transpose(2, 3),
    "with a gradient": (IMAGES.float() / 255).requires_grad_(True),
}
TAKEN_LABELS = {
    "a list": LABELS.tolist(),
    "an array": LABELS.numpy(),
    "bytes": LABELS.to(torch.uint8),
    "whole floats": LABELS.double(),
    "numbers of numpy": list(LABELS.numpy()),
}
TAKEN_OPTIONS = {
    "targets": [OTHERS, OTHERS.tolist(), OTHERS.numpy(), OTHERS[:, None], OTHERS.to(torch.int32)],
    "batch_size": [1, np.int64(3), torch.tensor(2), 10**30],
    "keep": ["all", [0, 1], range(3), np.array([1]), torch.tensor([0]), {0}, (each for each in (0, 1))],
    "seed": [-1, np.int32(7), 2**200],
    "ids": [["a", "b", "c", "d"], (1, 2, 3, 4), np.arange(4)],
    "accelerate": [None, False, np.True_],
    "stop_at": [None, 20, -3.5, np.float32(20), Fraction(1, 3), torch.tensor(2.0), -(10**300)],
    "budget": [None, 1000, np.int64(1000), torch.tensor(1000), 10**30],
    "progress": [None, False],
    "precision": ["exact", "fast"],
    "victims": [(), [], Tiny(1), [Tiny(1)], {"v": Tiny(1)}, {1: Tiny(1)}, (Tiny(i) for i in (1, 2))],
    "scores": [(), [lambda logits, facts: logits.amax(1)], lambda logits, facts: logits.amax(1)],
}


@pytest.mark.parametrize("form", TAKEN_IMAGES)
def test_images_in_any_form_are_the_same_images(form):
    trace = ps.trace(ATTACK, NET, TAKEN_IMAGES[form], LABELS, targets=OTHERS)
    assert torch.equal(trace.images, EXPECTED.images)


@pytest.mark.parametrize("form", TAKEN_LABELS)
def test_labels_in_any_form_are_the_same_labels(form):
    trace = ps.trace(ATTACK, NET, IMAGES, TAKEN_LABELS[form], targets=OTHERS)
    assert trace.steps.equals(EXPECTED.steps)


@pytest.mark.parametrize("form", ["loader", "dataset", "file", "text", "folder"])
def test_images_may_bring_their_labels(form, tmp_path):
    data = TensorDataset(IMAGES, LABELS)
    np.savez(tmp_path / "a.npz", images=IMAGES.numpy(), labels=LABELS.numpy())
    for number, (image, label) in enumerate(data):
        file = tmp_path / "photos" / f"{label}" / f"{number}.png"
        for each in range(CLASSES):
            (file.parent.parent / f"{each}").mkdir(parents=True, exist_ok=True)
        Image.fromarray(image.permute(1, 2, 0).numpy()).save(file)
    forms = {"loader": DataLoader(data, batch_size=3), "dataset": data, "file": tmp_path / "a.npz"}
    images = (forms | {"text": str(tmp_path / "a.npz"), "folder": tmp_path / "photos"})[form]
    trace = ps.trace(ATTACK, NET, images)
    assert sorted(trace.job.examples.labels.tolist()) == sorted(LABELS.tolist())
    if form == "folder":
        assert sorted(name[-1] for name in trace.job.examples.ids) == list("0123"), trace.job.examples.ids


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in TAKEN_OPTIONS.items() for value in values]
)
def test_options_in_any_reasonable_form(name, value):
    assert ps.trace(ATTACK, NET, IMAGES, LABELS, **{name: value}).complete


class Thing:
    pass


NO_ATTACK = ["pgd", b"pgd", None, 3, Thing(), ps.attacks.pgd, ps.attacks.Attack, NET, IMAGES, {"kind": "pgd"}]
REFUSED = {
    "source": [None, 3, Thing(), Tiny, IMAGES, [NET, NET], {}, {"a": NET, "b": NET}, lambda x: x, "no_such_model"],
    "images": [
        None, 3, Thing(), LABELS, IMAGES[0], IMAGES.float(), -IMAGES.float() / 255, IMAGES > 3, IMAGES[:0],
        torch.full((4, 3, SIZE, SIZE), torch.nan), {"images": IMAGES}, (i for i in IMAGES), "none.npz",
        [IMAGES[0], IMAGES[0, :, 1:]], ["a.png"], IMAGES[:, :2], NET, "", b"a.npz", Path("none"),
    ],
    "labels": [
        3, "labels.csv", Thing(), LABELS[:2], LABELS + 0.5, LABELS > 3, LABELS[:, None], torch.eye(CLASSES)[LABELS],
        [None] * 4, ["a"] * 4, [[1], [1, 2], 3, 4], {1, 2}, [0, 1, 2, CLASSES], [0, 1, 2, -1], [0, 1, 2, torch.nan],
        [0, 1, 2, torch.inf], [0, 1, 2, 1e300], [0, 1, 2, 2**40], [0, 1, 2, 2**70], LABELS.to(torch.complex64), NET,
    ],
    "targets": [
        "a", 1.5, True, CLASSES, -1, LABELS, [[1], [2]], [[1], [2, 3]], Thing(), [None], torch.zeros(1, 1, 1).long(),
        OTHERS.double(), [2**70], {1},
    ],
    "ids": ["abcd", b"abcd", 3, Thing(), ["a"], ["a", "a", "b", "c"], True],
    "seed": ["a", 1.5, None, True, [1], Thing(), Fraction(1, 2), torch.tensor(1.0)],
    "batch_size": [0, -1, -HUGE, "4", 2.0, True, [2], Thing(), float("nan"), torch.tensor([2, 3])],
    "keep": [
        1, HUGE, [HUGE], "last", b"all", [5], [-1], [0.5], ["a"], [None], None, [float("nan")], Thing(), True,
        np.array([0.5]),
    ],
    "precision": ["half", None, 3, torch.float16, Thing(), ["exact"]],
    "accelerate": ["yes", 1, 0.0, [], Thing()],
    "stop_at": [
        "20", True, np.True_, [20], Thing(), 1j, float("nan"), float("inf"), -float("inf"), HUGE, IMAGES,
        torch.tensor(torch.nan), torch.tensor([1.0]), np.array(3.0), b"20",
    ],
    "budget": ["100", True, 100.0, float("nan"), [100], Thing(), 0, -5, 1, -HUGE, torch.tensor(100.0)],
    "progress": ["yes", 1, Thing()],
    "on_block": [3, "print", [], Thing()],
    "scores": ["margin", 3, [3], Thing(), lambda logits: logits, None, ["margin"]],
    "victims": ["no_such_model", 3, [None], {"a": 3}, Tiny, Thing(), None],
    "stepz": [1],
}  # fmt: skip


def one_line(error, name):
    text = str(error.value)
    assert "\n" not in text
    assert len(text) < 300
    assert name in text, text
    assert isinstance(error.value, TypeError | ValueError | PresoftmaxError)


@pytest.mark.parametrize("attack", NO_ATTACK, ids=lambda given: type(given).__name__)
def test_another_first_argument_is_told_what_it_should_be(attack):
    with pytest.raises(TypeError, match=r"trace.* Attack") as error:
        ps.trace(attack, NET, IMAGES, LABELS)
    one_line(error, "Attack")


@pytest.mark.parametrize("position", range(1, 24))
def test_arguments_in_another_order_are_told(position):
    """Every permutation but the right one."""
    order = list(permutations((ATTACK, NET, IMAGES, LABELS)))[position]
    with pytest.raises((TypeError, ValueError, PresoftmaxError)) as error:
        ps.trace(*order)
    assert "\n" not in str(error.value)


CALLED = {"source": "source", "images": "images", "labels": "label", "targets": "target", "victims": "victim"}
SAID = {"no_such_model": "no_such_model", "none.npz": "none.npz", Path("none"): "none"}


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name, values in REFUSED.items() for value in values],
    ids=lambda given: given[:20] if isinstance(given, str) else type(given).__name__,
)
def test_what_an_argument_cannot_be_is_a_line_that_names_it(name, value):
    arguments = {"source": NET, "images": IMAGES, "labels": LABELS} | {name: value}
    with pytest.raises((TypeError, ValueError, PresoftmaxError)) as error:
        ps.trace(ATTACK, **arguments)
    hashable = isinstance(value, str | Path)
    one_line(error, SAID.get(value, CALLED.get(name, name)) if hashable else CALLED.get(name, name).rstrip("s"))


@pytest.mark.parametrize("value", [0.5, torch.inf, -torch.inf, torch.nan, 1e300, -1e300])
def test_a_float_that_is_no_class_is_told_as_it_is(value):
    with pytest.raises(PresoftmaxError, match=f"{value:g} of image 2 is no class number".replace("+", r"\+")):
        ps.trace(ATTACK, NET, IMAGES, [0, 1, value, 3])


def test_labels_that_are_missing_are_told():
    with pytest.raises(PresoftmaxError, match="labels are missing"):
        ps.trace(ATTACK, NET, IMAGES)
    with pytest.raises(PresoftmaxError, match="an ImageSet brings its own labels"):
        ps.trace(ATTACK, NET, PHOTOS, LABELS)


# Values of all kinds, for whatever nobody thought of.
ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=4), st.binary(max_size=4), st.dates(),
    st.complex_numbers(),
    st.lists(st.one_of(st.integers(-2, 9), st.floats(), st.none(), st.text(max_size=2)), max_size=5),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
    st.builds(torch.zeros, st.lists(st.integers(0, 3), max_size=4)), st.builds(Thing),
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(name=st.sampled_from(sorted(set(REFUSED) - {"stepz", "victims"})), value=ANYTHING)
@example("images", "\n")
def test_whatever_is_given_runs_or_is_refused_in_a_line(name, value):
    arguments = {"source": NET, "images": IMAGES, "labels": LABELS} | {name: value}
    error = refusal(lambda: ps.trace(ATTACK, **arguments))
    if error is not None:
        assert "\n" not in str(error)
        *_, raised = walk_tb(error.__traceback__)
        assert "presoftmax" in raised[0].f_code.co_filename, "raised by what we called, in its words"


def refusal(act):
    try:
        act()
    except (PresoftmaxError, TypeError, ValueError) as error:
        return error
    return None


PATHS = {
    "a number": 3, "nothing": None, "bytes": b"out", "a list": ["out"], "a file that is open": Thing(), "empty": "",
    "a null byte": "a\0b", "half a pair": "a\ud800", "much too long": "x" * 5_000, "below a file": "file/out",
}  # fmt: skip


@pytest.mark.parametrize("method", ["save", "report", "plot"])
@pytest.mark.parametrize("kind", PATHS)
def test_what_is_no_path_is_told(tmp_path, monkeypatch, method, kind):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    value = PATHS[kind]
    if method == "plot" and value is None:
        return  # it only draws
    suffix = ".png" if method == "plot" and isinstance(value, str) and value else ""
    with pytest.raises((TypeError, ValueError, PresoftmaxError)) as error:
        getattr(EXPECTED, method)(value + suffix if suffix else value)
    assert "\n" not in str(error.value)
    assert "path" in str(error.value) or "cannot be" in str(error.value) or "no format" in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    with pytest.raises((TypeError, ValueError, PresoftmaxError)):
        getattr(EXPECTED.judge(), {"report": "save"}.get(method, method))(value + suffix if suffix else value)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.filterwarnings("ignore:what is natural:presoftmax.errors.PresoftmaxWarning")
@pytest.mark.parametrize("path", [str, Path])
def test_text_and_path_name_the_same_place(tmp_path, path):
    assert EXPECTED.save(path(tmp_path / "a" / "b")) == tmp_path / "a" / "b"
    assert EXPECTED.report(path(tmp_path / "c")).is_file()
    EXPECTED.plot(path(tmp_path / "d.svg"))
    assert (tmp_path / "d.svg").is_file()
    assert EXPECTED.judge().save(path(tmp_path / "e")).is_file()


@pytest.mark.parametrize("iteration", ["x", 2.0, None, True, slice(2), [2], 9, -1])
def test_what_is_no_iteration_is_told(iteration):
    with pytest.raises((TypeError, ValueError), match="iteration") as error:
        EXPECTED.images_at(iteration)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("natural", [3, {}, [1], "none.json", Path("none.json"), b"x", ""])
def test_what_says_nothing_of_natural_images_is_told(natural):
    with pytest.raises((TypeError, PresoftmaxError), match=r"natural|none\.json") as error:
        EXPECTED.judge(natural)
    assert "\n" not in str(error.value)


def test_the_correct_ones_are_selected_of_one_set_or_several_by_one_model_or_several():
    found = [
        ps.select_correct(pieces, models).images.ids
        for pieces in (PHOTOS, [PHOTOS], tuple(PHOTOS.batches(3)))
        for models in (NET, [NET], (ps.Classifier(NET),))
    ]
    assert found[:3] == [PHOTOS.ids] * 3
    for pieces, models in ((IMAGES, NET), ([3], NET), (PHOTOS, 3), (PHOTOS, [None])):
        with pytest.raises(TypeError, match="pieces" if models is NET else "model"):
            ps.select_correct(pieces, models)
    for name in ("limit", "batch_size"):
        for value in ("a", 0, 1.5, True):
            with pytest.raises((TypeError, PresoftmaxError), match=name):
                ps.select_correct(PHOTOS, NET, **{name: value})
