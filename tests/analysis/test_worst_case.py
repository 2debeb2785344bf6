"""The worst of several attacks, against a plain loop over the examples; and what does not belong together."""

import polars as pl
import pytest
import torch

import presoftmax as ps
from presoftmax.errors import DataError
from presoftmax.tables import WORST_CASE, WORST_CASE_TRANSFERS, polars_schema
from tests.conftest import CLASSES, Tiny, make_set

ATTACKS = {
    "weak": ps.attacks.bim(2, epsilon=2 / 255, alpha=1 / 255),
    "strong": ps.attacks.bim(8, epsilon=24 / 255, alpha=4 / 255),
    "logits": ps.attacks.over_optimized(steps=8, alpha=0.01),
}
pytestmark = pytest.mark.filterwarnings("ignore::presoftmax.errors.PresoftmaxWarning")


def images():
    """Images of which the source has one wrong by itself."""
    photos = make_set(Tiny(0), 8)
    labels = photos.labels.clone()
    labels[2] = (labels[2] + 1) % CLASSES
    return ps.ImageSet.from_arrays(photos.images, labels, photos.ids)


def traces(**options):
    settings = {"victims": {"v": Tiny(1), "w": Tiny(2)}, "batch_size": 3} | options
    return {name: ps.trace(attack, {"net": Tiny(0)}, images(), **settings) for name, attack in ATTACKS.items()}


@pytest.fixture(scope="module")
def made():
    return traces()


def check(worst, judged):
    """By hand, from what `judge` says of each attack."""
    assert worst.examples.schema == polars_schema(WORST_CASE)
    assert worst.transfers.schema == polars_schema(WORST_CASE_TRANSFERS)
    for row in worst.examples.to_dicts():
        each = {name: j.table.filter(pl.col("example") == row["example"]).to_dicts()[0] for name, j in judged.items()}
        fooling = {name: entry for name, entry in each.items() if entry["adversarial"]}
        assert row["adversarial"] == bool(fooling)
        assert row["adversarial_attacks"] == len(fooling)
        best = max(fooling, key=lambda name: fooling[name]["misclassification_log_odds"]) if fooling else None
        assert row["attack"] == best
        for name in ("predicted", "confidence", "ca1", "misclassification_log_odds", "l2", "linf"):
            assert row[name] == (pytest.approx(fooling[best][name], rel=1e-4) if best else None)
        assert row["right_before"] == (next(iter(each.values()))["predicted_clean"] == row["label"])
    for row in worst.transfers.to_dicts():
        fooled = [
            name
            for name, j in judged.items()
            for r in j.transfers.to_dicts()
            if (r["example"], r["victim"]) == (row["example"], row["victim"]) and r["misclassified"]
        ]
        assert row["attacks"] == fooled
        assert row["misclassified"] == bool(fooled)
        clean = next(iter(judged.values())).natural.to_dicts()
        before = next(r for r in clean if (r["example"], r["model"]) == (row["example"], row["victim"]))
        assert row["right_before"] == (before["predicted"] == before["label"])


def test_traces_and_judged_examples_say_the_same_as_a_plain_loop(made):
    judged = {name: trace.judge() for name, trace in made.items()}
    worst = ps.analysis.worst_case(made)
    check(worst, judged)
    check(ps.analysis.worst_case(judged), judged)
    check(ps.analysis.worst_case({**made, "strong": judged["strong"]}), judged)
    assert worst.attacks == tuple(ATTACKS)
    assert worst.examples["example"].to_list() == list(images().ids)
    assert worst.transfers.height == 2 * len(images())
    # The cases that the loop above is about do occur.
    assert 0 < worst.examples["adversarial"].sum() < 8
    assert worst.examples["attack"].n_unique() > 2
    assert worst.transfers["misclassified"].n_unique() == 2
    assert "fools w" in repr(worst)
    assert len(repr(worst).splitlines()) <= 12


def test_a_list_is_named_by_its_attacks_and_the_first_of_equals_counts(made):
    worst = ps.analysis.worst_case([made["strong"], made["strong"]])
    assert worst.attacks == ("bim", "bim-2")
    assert set(worst.examples["attack"].drop_nulls()) == {"bim"}


def test_the_order_of_the_images_does_not_matter(made):
    turned = images().select([3, 1, 0, 2, 7, 6, 5, 4])
    other = ps.trace(ATTACKS["strong"], {"net": Tiny(0)}, turned, victims={"v": Tiny(1), "w": Tiny(2)})
    both = ps.analysis.worst_case({"a": made["strong"], "b": other})
    assert both.examples.equals(ps.analysis.worst_case({"a": made["strong"]}).examples.with_columns(
        adversarial_attacks=2 * both.examples["adversarial"].cast(int).cast(both.examples["adversarial_attacks"].dtype)
    ))  # fmt: skip


def changed(what):
    photos = images()
    pixels, labels, ids = photos.images.clone(), photos.labels.clone(), list(photos.ids)
    source, victims = {"net": Tiny(0)}, {"v": Tiny(1), "w": Tiny(2)}
    if what == "pixel":
        pixels[4, 0, 0, 0] ^= 1
    elif what == "label":
        labels[5] = (labels[5] + 1) % CLASSES
    elif what == "id":
        ids[1] = "another"
    elif what == "fewer":
        pixels, labels, ids = pixels[:-1], labels[:-1], ids[:-1]
    elif what == "source":
        source = {"other": Tiny(0)}
    elif what == "network":
        source = {"net": Tiny(5)}
    elif what == "victims":
        del victims["w"]
    return ps.trace(ATTACKS["weak"], source, ps.ImageSet.from_arrays(pixels, labels, ids), victims=victims)


WRONG = {
    "pixel": "the clean image of 'image4' differs",
    "label": "the label of 'image5' differs",
    "id": "only one of them has 'another'",
    "fewer": "only one of them has 'image7'",
    "source": "different sources, net and other",
    "network": "two networks that are both called net",
    "victims": "only one of them to w",
}


@pytest.mark.parametrize("what", WRONG)
def test_what_does_not_belong_together_is_refused_in_a_line(made, what):
    other = changed(what)
    for results in ({"a": made["weak"], "b": other}, {"a": made["weak"].judge(), "b": other.judge()}):
        with pytest.raises(DataError, match=WRONG[what]) as found:
            ps.analysis.worst_case(results)
        assert "a and b" in str(found.value)
        assert "\n" not in str(found.value)


def test_an_interrupted_trace_and_other_things_are_refused(made):
    half = ps.Trace(made["weak"].job, made["weak"].blocks[:-1])
    with pytest.raises(DataError, match="half was interrupted"):
        ps.analysis.worst_case({"whole": made["weak"], "half": half})
    with pytest.raises(DataError, match="no results"):
        ps.analysis.worst_case([])
    for wrong in (made["weak"], made["weak"].steps, [made["weak"].steps], "weak", [torch.zeros(3)], None):
        with pytest.raises(TypeError, match="worst_case takes"):
            ps.analysis.worst_case(wrong)


class NotForTheSecond(Tiny):
    """Answers NaN to images whose first pixel is as bright as that of the second image."""

    def forward(self, x):
        odd = (x[:, 0, 0, 0] - images().images[1, 0, 0, 0] / 255).abs() < 1e-6
        return torch.where(odd[:, None], torch.nan, super().forward(x))


def test_answers_that_are_not_finite_fool_nobody_and_are_no_other_network():
    untouched = ps.attacks.bim(1, epsilon=1e-6, alpha=1e-6)
    pair = [ps.trace(untouched, {"net": NotForTheSecond(0)}, images(), victims={"v": Tiny(1)}) for _ in range(2)]
    worst = ps.analysis.worst_case(pair)
    assert worst.examples["right_before"].to_list()[:3] == [True, False, False]
    assert not worst.examples["adversarial"].any()
