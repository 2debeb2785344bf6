"""When a model is first fooled, against a plain loop over the rows."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import presoftmax as ps
from presoftmax.errors import DataError
from presoftmax.tables import FIRST_FOOLED, NOT_FINITE, STEPS, TRANSFERS, polars_schema
from tests.conftest import Tiny

KEYS = ("attack", "source", "example")
MEASURES = ("confidence", "ca1", "misclassification_log_odds")


def table(columns, rows):
    names = {c.name: c.dtype for c in columns}
    there = [name for name in names if rows and name in rows[0]] or list(names)
    return pl.DataFrame(rows, schema={name: names[name] for name in there})


@st.composite
def runs(draw):
    """Rows of a few examples, in any order, with answers that are not finite, probes, and holes in the iterations."""
    steps, transfers = [], []
    targets = draw(st.lists(st.integers(1, 3), max_size=2, unique=True))
    for attack in draw(st.sampled_from([["a"], ["a", "b"]])):
        for example in range(draw(st.integers(1, 3))):
            for iteration in draw(st.lists(st.integers(0, 9), min_size=1, max_size=6, unique=True)):
                keys = {"attack": attack, "source": "s", "example": f"e{example}", "iteration": iteration}
                steps.append(keys | {
                    "label": 0, "targets": targets, "predicted": draw(st.integers(NOT_FINITE, 3)),
                    "confidence": iteration / 16, "ca1": iteration / 2,
                    "misclassification_log_odds": 10.0 * iteration, "probe": draw(st.sampled_from([None, False, True])),
                })  # fmt: skip
                for victim in ("v", "a"):
                    hit = draw(st.booleans())
                    transfers.append(keys | {
                        "victim": victim, "misclassified": hit,
                        "targeted": (hit and draw(st.booleans())) if targets else None,
                    })  # fmt: skip
    return table(STEPS, draw(st.permutations(steps))), table(TRANSFERS, draw(st.permutations(transfers)))


def slowly(steps, transfers):
    steps = sorted((row for row in steps.to_dicts() if not row["probe"]), key=lambda row: row["iteration"])
    found = {}
    for row in steps:
        keys = tuple(row[key] for key in KEYS)
        finite = row["predicted"] != NOT_FINITE
        answers = {"s": (finite and row["predicted"] != 0, finite and row["predicted"] in row["targets"])}
        for shown in transfers.to_dicts():
            if tuple(shown[key] for key in KEYS) == keys and shown["iteration"] == row["iteration"]:
                answers[shown["victim"]] = (shown["misclassified"], shown["targeted"])
        for model, (wrong, hit) in answers.items():
            entry = found.setdefault((*keys, model), [None, None, (None,) * 3])
            if wrong and entry[0] is None:
                entry[0], entry[2] = row["iteration"], tuple(row[name] for name in MEASURES)
            if hit and entry[1] is None:
                entry[1] = row["iteration"]
    order = sorted(found, key=lambda key: (*key[:3], key[3] != key[1], key[3]))
    return [(*key, *found[key][:2], *found[key][2]) for key in order]


@given(runs())
@settings(max_examples=60, deadline=None)
def test_it_equals_the_obvious_loop(frames):
    steps, transfers = frames
    found = ps.analysis.first_fooled(steps, transfers)
    assert found.schema == polars_schema(FIRST_FOOLED)
    assert found.rows() == slowly(steps, transfers)
    assert found.equals(ps.analysis.first_fooled(steps.lazy(), transfers.lazy()))
    alone = ps.analysis.first_fooled(steps)
    assert alone.equals(found.filter(pl.col("model") == "s"))


def test_a_trace_tells_it_of_the_source_and_every_victim(tiny, photos):
    attack = ps.attacks.over_optimized(steps=6, alpha=0.4)
    trace = ps.trace(attack, {"net": tiny}, photos, victims={"other": Tiny(1)}, batch_size=2)
    found = trace.first_fooled()
    assert found.height == len(photos) * 2
    for row in found.filter(pl.col("model") == "net").iter_rows(named=True):
        rows = trace.steps.filter(pl.col("example") == row["example"]).sort("iteration")
        fooled = rows.filter(pl.col("predicted") != pl.col("label"))
        assert row["first_misclassified"] == (fooled["iteration"][0] if fooled.height else None)
        assert row["ca1"] == (fooled["ca1"][0] if fooled.height else None)
    assert found.filter(pl.col("model") == "net")["first_misclassified"].is_not_null().any()


def test_no_rows_give_no_rows():
    empty = pl.DataFrame(schema=polars_schema(STEPS)), pl.DataFrame(schema=polars_schema(TRANSFERS))
    assert ps.analysis.first_fooled(*empty).schema == polars_schema(FIRST_FOOLED)


@pytest.mark.parametrize("column", ["iteration", "misclassification_log_odds"])
def test_a_table_without_a_column_is_named(column):
    steps = pl.DataFrame(schema=polars_schema(STEPS)).drop(column)
    with pytest.raises(DataError, match=rf"steps lacks the column '{column}'"):
        ps.analysis.first_fooled(steps)
    whole = pl.DataFrame(schema=polars_schema(STEPS))
    with pytest.raises(DataError, match="transfers lacks the column 'victim'"):
        ps.analysis.first_fooled(whole, whole)
