"""The answers themselves: numbers, bounds, and values that JSON does not know."""

import json
import re

import polars as pl
import pytest

from presoftmax.explorer import Material, Part, View
from presoftmax.explorer._answers import answer
from presoftmax.explorer.single import single_page
from tests.explorer.made import material


def whole(made, **options):
    """Every answer of a view, as JSON that a browser reads."""
    view = View.of(made, **options)
    overview = view.overview()
    frames = [view.frame(stop) for stop in range(len(overview["iterations"]))]
    examples = [view.example(n) for n in range(len(overview["examples"]["id"]))]
    json.dumps([overview, frames, examples], allow_nan=False)
    return overview, frames, examples


def test_no_examples_at_all():
    overview, frames, examples = whole(material(examples=0))
    assert overview["total"] == 0
    assert examples == []
    assert frames[0]["confidence"] == []
    assert single_page(material(examples=0))


@pytest.mark.parametrize("broken", [[], [(0, 0)], [(0, at) for at in range(6)]])
def test_what_is_not_finite_is_null(broken):
    overview, frames, examples = whole(material(examples=2, broken=broken))
    for n, at in broken:
        assert frames[at]["confidence"][n] is None
        assert frames[at]["predicted"][n] == -1
        assert examples[n]["logits"][at] == [None] * 5
    assert (overview["extents"]["ca1"] is not None) is True


def test_only_what_is_exactly_one_reads_one():
    made = material(examples=2, steps=1, victims=())
    near = 0.99999994
    steps = made.parts[0].steps.with_columns(pl.Series("confidence", [near, 1.0, near, 1.0], dtype=pl.Float32))
    _, frames, examples = whole(Material("t", [Part(steps, made.parts[0].transfers)]))
    assert frames[0]["confidence"][0] < 1
    assert frames[1]["confidence"][0] == 1
    assert examples[0]["confidence"] == [near, 1.0]


def test_the_logit_of_the_true_class_is_exact():
    made = material(examples=3)
    _, _, examples = whole(made)
    for n, example in enumerate(examples):
        assert example["label_logit"] == pytest.approx([3 + n] * 6, abs=1e-4)


@pytest.mark.parametrize("steps", [0, 1, 63, 64, 500, 5000])
def test_stops_of_the_slider(steps):
    overview, _, examples = whole(material(examples=1, steps=steps, victims=("v",), kept=[]), longest=100)
    stops = overview["iterations"]
    assert stops[0] == 0
    assert stops[-1] == steps
    assert len(stops) == steps + 1 if steps < 64 else 20 < len(stops) < 40
    assert len(examples[0]["iterations"]) <= 140
    assert set(stops) <= set(examples[0]["iterations"])


@pytest.mark.parametrize("most", [1, 3, 7, 50])
def test_a_bounded_number_is_taken_evenly(most):
    made = material(examples=20, steps=1, attacks=("first", "second"), kept=[])
    view = View.of(made, most)
    groups = [view.key(n).attack for n in range(len(view.shown))]
    assert len(view.shown) == min(most, 40)
    assert abs(groups.count("first") - groups.count("second")) <= 1
    assert View.of(made, most).shown == view.shown


def test_examples_that_end_at_different_iterations():
    made = material(examples=2, steps=6, victims=("v",))
    late = (pl.col("example") == "image0") | (pl.col("iteration") <= 2)
    part = Part(made.parts[0].steps.filter(late), made.parts[0].transfers.filter(late))
    overview, frames, examples = whole(Material("t", [part]))
    assert overview["examples"]["last"] == [6, 2]
    assert examples[1]["iterations"] == [0, 1, 2]
    assert frames[6]["ca1"][1] == frames[2]["ca1"][1] == examples[1]["ca1"][2]
    assert frames[6]["fooled"][1] == frames[2]["fooled"][1]


def test_probes_of_a_recording_are_no_iterations():
    made = material(examples=1, steps=4)
    probe = pl.col("iteration") == 3
    part = Part(made.parts[0].steps.with_columns(probe=probe), made.parts[0].transfers)
    assert whole(Material("t", [part]))[2][0]["iterations"] == [0, 1, 2, 4]


@pytest.mark.parametrize(
    "address",
    ["", "overview", "overview.json/", "frames/6.json", "examples/4.json", "examples/-1.json", "images/0/7.png", "x",
     "frames/0.json\n", "images/0/0.png/..", "../overview.json", "frames/٣.json"],
)  # fmt: skip
def test_addresses_of_nothing(address):
    assert answer(View.of(material()), address) is None


def test_iterations_with_images_are_stops():
    kept = [0, 3, 100, 333, 500]
    stops = whole(material(examples=1, steps=500, victims=("v",), kept=kept))[0]["iterations"]
    assert set(kept) <= set(stops)
    assert len(stops) < 40
    many = whole(material(examples=1, steps=500, victims=("v",), side=1))[0]["iterations"]
    assert len(many) < 40


def test_a_value_far_above_all_others_does_not_press_them_together():
    made = material(examples=400, steps=1, victims=(), kept=[])
    far = (pl.col("example") == "image7") & (pl.col("iteration") == 1)
    changed = made.parts[0].steps.with_columns(ca1=pl.when(far).then(9000.0).otherwise("ca1"))
    low, shown, most = whole(Material("t", [Part(changed, made.parts[0].transfers)]))[0]["extents"]["ca1"]
    assert low < shown < 250
    assert most == 9000
    usual = whole(made)[0]["extents"]["ca1"]
    assert usual[1] == usual[2]


def test_images_fit_their_room_and_the_ends_come_first():
    made = material(examples=6, steps=9, attacks=("first", "second"), victims=())

    def kept(room):
        answers = json.loads(
            re.search(r'id="answers">(.*?)</script>', single_page(made, room), re.DOTALL)[1].replace("\\u003c", "<")
        )
        return [answers[f"examples/{n}.json"]["kept"] for n in range(12)]

    each = len(View.of(made).image(0, 0))
    assert kept(0) == [[]] * 12
    assert all(its == [0, 9] for its in kept(24 * each + each // 2))
    some = kept(24 * each + 17 * each)
    assert some[0] == some[6] == list(range(10))
    assert all(its[0] == 0 and its[-1] == 9 for its in some)
    assert all(its == list(range(10)) for its in kept(10**6))
