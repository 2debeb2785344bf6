"""Sentences made from numbers, the choice of gallery images, the short table."""

from dataclasses import replace

from presoftmax.analysis.run_summary import AttackSummary, Point
from presoftmax.report.figures.gallery import choose_iterations
from presoftmax.report.run.sentences import sentences
from presoftmax.report.run.table import short_table

CLEAN = Point(0, 0.79, 10.1, -10.0, {"v": 0.0})
BLIND = Point(15, 0.991, 28.0, 12.0, {"v": 0.2})
END = Point(40, 0.997, 50.0, 25.0, {"v": 0.45})
OVER = AttackSummary("over-optimized", 1, CLEAN, END, BLIND, 0.75, 22, 1.0, 0.0)
MULTI_END = replace(END, confidence=0.72, ca1=33.0, group_log_odds=14.2)
MULTI = AttackSummary("multi-class", 2, CLEAN, MULTI_END, None, 0.0, None, 0.94, 0.31)


def test_sentences_say_the_numbers_of_the_run():
    over, multi, both = sentences([OVER, MULTI])
    assert "mean confidence reached 0.99 at iteration 15" in over
    assert "from 28.0 to 50.0 (clean 10.1)" in over
    assert "v from 20 % to 45 %" in over
    assert (
        "75 % of the examples ended with a float32 confidence of exactly 1; half had reached it by iteration 22" in over
    )
    assert "mean confidence ended at 0.72 (clean 0.79)" in multi
    assert "31 % of the examples are beyond it and yet look less sure" in multi
    assert "went from -10.0 to 14.2" in multi
    assert "lowers the confidence (0.72 against 1.00)" in both


def test_sentences_change_with_what_happened():
    weak = replace(OVER, blind=None, end=replace(END, confidence=0.6), saturated=0.0, first_saturated=None)
    text = sentences([weak])[0]
    assert "did not reach 0.99" in text
    assert "No example ended with a float32 confidence of exactly 1" in text
    sure = replace(MULTI, below_clean_confidence=0.0, end=replace(MULTI_END, confidence=0.999))
    _, multi, both = sentences([OVER, sure])
    assert "none of those looks less sure" in multi
    assert "does not lower the confidence" in both


def row(iteration, ca1, predicted, targets=(1,)):
    return {"iteration": iteration, "ca1": ca1, "predicted": predicted, "targets": list(targets)}


def test_gallery_shows_first_fooled_between_and_end():
    rows = [row(0, 9, 0), row(1, 8, 0), row(2, 12, 1), row(5, 20, 1), row(9, 33, 1), row(20, 50, 1)]
    assert [r["iteration"] for r in choose_iterations(rows)] == [0, 2, 9, 20]
    never = [row(0, 9, 0), row(1, 8, 0), row(5, 7, 0)]
    assert [r["iteration"] for r in choose_iterations(never)] == [0, 1, 5]
    short = [row(0, 9, 0), row(1, 12, 1)]
    assert [r["iteration"] for r in choose_iterations(short)] == [0, 1]


def test_short_table_has_the_first_and_the_last_iteration():
    values = {name: list(range(31)) for name in ("iteration", "confidence", "ca1", "log_odds", "saturated")}
    values["transfer"] = {"v": {"misclassified": list(range(31))}}
    table = short_table({"victims": ["v"], "attacks": {"a": values, "b": values}})
    assert [r.iteration for r in table if r.attack == "a"] == [0, 5, 10, 15, 20, 25, 30]
    assert table[-1].transfer == (30,)
    tiny = {name: [0, 1] for name in values if name != "transfer"} | {"transfer": {}}
    assert [r.iteration for r in short_table({"victims": [], "attacks": {"a": tiny}})] == [0, 1]
