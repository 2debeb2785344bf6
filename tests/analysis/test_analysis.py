"""Cleaning, aggregation and findings against slow, obvious ones, and their edge cases."""

import math
import statistics

import polars as pl
import pytest

from presoftmax import analysis
from presoftmax.analysis.run_summary import summarize
from presoftmax.tables import schema

EXAMPLES, ITERATIONS = 6, 5


def frames(transferred, confidence=None, ca1=None):
    """Tables in which only what the analysis reads is filled; ``transferred[example][iteration]``."""
    steps, transfers = [], []
    for e, row in enumerate(transferred):
        for i, hit in enumerate(row):
            keys = {"attack": "a", "source": "s", "example": f"e{e}", "iteration": i}
            c = confidence[e][i] if confidence else 0.1 + 0.1 * e + 0.05 * i
            z = ca1[e][i] if ca1 else 3.0 * e + 2 * i
            steps.append(keys | {"label": 0, "targets": [1], "predicted": 1 if i else 0, "confidence": c, "ca1": z,
                                 "ca2": 0.5 * z, "log_odds": z - e, "group_log_odds": z - e, "changed": 1.0 if i else
                                 0.0, "misclassification_log_odds": z, "saturated": c == 1.0})  # fmt: skip
            transfers.append(
                keys | {"victim": "v", "predicted": int(hit), "misclassified": hit, "targeted": hit and e % 2 == 0}
            )
    return (
        pl.DataFrame(
            steps,
            schema_overrides={n: t for n, t in schema.polars_schema(schema.STEPS).items() if n in steps[0]},
        ),
        pl.DataFrame(transfers),
    )


PATTERN = [
    [False, False, True, True, True],
    [False, True, False, True, True],
    [False, False, False, False, False],
    [False, True, True, True, False],
    [False, False, False, False, True],
    [True, True, True, True, True],
]


def test_cleaning_keeps_what_has_transferred_at_the_last_iteration():
    _, transfers = frames(PATTERN)
    cleaned = analysis.clean_transfers(transfers)
    assert cleaned["kept"].to_list() == [row[-1] for row in PATTERN]
    targeted = analysis.clean_transfers(transfers, "targeted")
    assert targeted["kept"].to_list() == [row[-1] and e % 2 == 0 for e, row in enumerate(PATTERN)]


def test_curves_equal_the_obvious_computation():
    steps, transfers = frames(PATTERN)
    curves = analysis.transfer_curves(steps, transfers)
    for cleaned in (False, True):
        chosen = [e for e in range(EXAMPLES) if PATTERN[e][-1] or not cleaned]
        rows = curves.filter(pl.col("cleaned") == cleaned).sort("iteration").to_dicts()
        assert [row["iteration"] for row in rows] == list(range(ITERATIONS))
        for i, row in enumerate(rows):
            assert row["examples"] == len(chosen)
            assert row["transferability"] == pytest.approx(100 * sum(PATTERN[e][i] for e in chosen) / len(chosen))
            for name, value in (
                ("ca1", lambda e, i=i: 3.0 * e + 2 * i),
                ("confidence", lambda e, i=i: 0.1 + 0.1 * e + 0.05 * i),
                ("log_odds", lambda e, i=i: 2.0 * e + 2 * i),
            ):
                values = [value(e) for e in chosen]
                half = 1.96 * statistics.stdev(values) / math.sqrt(len(values))
                assert row[name] == pytest.approx(statistics.mean(values), rel=1e-6)
                assert row[f"{name}_low"] == pytest.approx(statistics.mean(values) - half, rel=1e-5, abs=1e-6)
                assert row[f"{name}_high"] == pytest.approx(statistics.mean(values) + half, rel=1e-5, abs=1e-6)
    assert curves.filter("cleaned")["transferability"][-1] == 100


def test_nothing_transfers():
    steps, transfers = frames([[False] * 4] * 3)
    curves = analysis.transfer_curves(steps, transfers)
    assert curves.filter("cleaned").height == 0
    assert curves.filter(~pl.col("cleaned"))["transferability"].to_list() == [0] * 4


def test_everything_transfers_at_once_and_a_single_example_has_no_interval():
    steps, transfers = frames([[True] * 4])
    curves = analysis.transfer_curves(steps, transfers)
    assert curves["transferability"].to_list() == [100] * 8
    assert curves["ca1_low"].null_count() == 8


def test_answers_that_are_not_finite_are_counted_out():
    steps, transfers = frames(PATTERN)
    broken = (pl.col("example") == "e0") & (pl.col("iteration") == 2)
    predicted = pl.when(broken).then(schema.NOT_FINITE).otherwise("predicted").alias("predicted")
    transfers = transfers.with_columns(predicted)
    cleaned = analysis.clean_transfers(transfers)
    assert cleaned.row(0, named=True)["kept"] is False
    assert cleaned["finite"].to_list() == [False] + [True] * 5
    curves = analysis.transfer_curves(steps, transfers).filter(~pl.col("cleaned"))
    assert curves["examples"].to_list() == [5] * 5
    assert analysis.by_iteration(steps.with_columns(predicted))["examples"].to_list() == [6, 6, 5, 6, 6]


def test_means_by_iteration():
    steps, transfers = frames(PATTERN)
    means = analysis.by_iteration(steps)
    assert means["ca1"].to_list() == pytest.approx([7.5 + 2 * i for i in range(ITERATIONS)])
    shares = analysis.transfer_by_iteration(transfers)
    assert shares["misclassified"].to_list() == pytest.approx(
        [sum(row[i] for row in PATTERN) / 6 for i in range(ITERATIONS)]
    )


def test_halting_is_the_last_iteration_that_moved_a_pixel():
    steps, _ = frames([[False] * 5] * 3)
    changed = {"e0": [0, 1, 0, 1, 0], "e1": [0, 1, 1, 1, 1], "e2": [0, 0, 0, 0, 0]}
    values = [float(changed[row["example"]][row["iteration"]]) for row in steps.iter_rows(named=True)]
    halted = analysis.halted_at(steps.with_columns(pl.Series("changed", values)))
    assert halted["halted_at"].to_list() == [3, None, 0]


def test_saturation_is_the_first_iteration_of_confidence_one():
    steps, _ = frames([[False] * 4] * 2, [[0.5, 1.0, 0.9, 1.0], [0.5, 0.9, 0.99, 0.999]])
    assert analysis.saturated_from(steps)["saturated_from"].to_list() == [1, None]


def test_findings():
    confidence = [[0.9, 0.995, 1.0, 1.0], [0.5, 0.99, 0.995, 1.0], [0.6, 0.99, 0.8, 0.5]]
    ca1 = [[10.0, 20, 30, 40], [5.0, 9, 12, 20], [8.0, 9, 20, 30]]
    steps, transfers = frames([[False, True, True, True]] * 2 + [[False] * 4], confidence, ca1)
    found = summarize(steps, transfers)
    assert found.classes == 1
    assert found.blind.iteration == 1
    assert found.blind.transfer == {"v": pytest.approx(2 / 3)}
    assert found.end.ca1 == pytest.approx(30)
    assert found.saturated == pytest.approx(2 / 3)
    assert found.first_saturated == 3
    assert found.beyond_clean == 1
    assert found.below_clean_confidence == pytest.approx(1 / 3)


def test_findings_without_a_victim():
    steps, transfers = frames([[False] * 3] * 2)
    found = summarize(steps, transfers.clear())
    assert found.end.transfer == {}
    assert found.blind is None
    assert found.first_saturated is None
