"""The page of a study begins with the user's question, and its answer stands on counts."""

import re

import polars as pl
import pytest

from presoftmax.study import Results, summarize
from presoftmax.study.report import OpeningRow, Transfer, opening_rows, opening_sentence, write_study_report
from tests.study.conftest import model, run
from tests.text.pages import Page, fits_a_phone

ATTACKS = [
    {"kind": "over-optimized", "steps": 8, "alpha": 0.02, "discretization": "straight-through"},
    {"kind": "pgd", "steps": 3},
]


@pytest.fixture(scope="module", params=[1, 2, 3], ids="{} models".format)
def results(request, pictures, tmp_path_factory):
    from presoftmax.study import StudyConfig

    names = ("one", "two", "three")[: request.param]
    content = {"models": [model(name) for name in names], "images": {"path": str(pictures), "count": 11}}
    config = StudyConfig.model_validate(content | {"attacks": ATTACKS, "shard": 6, "gallery": 0})
    return Results.of(run(config, tmp_path_factory.mktemp("opening") / "study"))


def test_every_number_is_that_of_the_tables(results):
    found = {(row.attack, row.source): row for row in opening_rows(summarize(results))}
    assert list(found) == results.groups()
    for group, row in found.items():
        steps = results.steps(*group).filter(pl.col("iteration") == pl.col("iteration").max()).collect()
        fooled, one = (steps["true_margin"] > 0).sum(), steps["saturated"].sum()
        assert (row.examples, row.fooled, row.exactly_one) == (steps.height, fooled, one)
        assert row.log_odds == pytest.approx(steps["misclassification_log_odds"].median())
        shown = results.transfers(*group).filter(pl.col("iteration") == pl.col("iteration").max()).collect()
        hits = dict(shown.group_by("victim").agg(pl.col("misclassified").sum()).iter_rows())
        models = len(results.names.labels)
        assert len(hits) == models - 1
        assert row.best == (Transfer(row.best.victim, max(hits.values())) if models > 1 else None)
        assert row.worst == (Transfer(row.worst.victim, min(hits.values())) if models > 2 else None)
        for each in filter(None, (row.best, row.worst)):
            assert hits[each.victim] == each.hits
        if row.worst:
            assert row.best.victim != row.worst.victim


def test_the_page_begins_with_it(results, monkeypatch):
    from matplotlib.figure import Figure

    monkeypatch.setattr(Figure, "savefig", lambda self, path, **_: path.write_bytes(b""))
    report = write_study_report(results)
    text = report.page.read_text(encoding="utf-8")
    fits_a_phone(Page(report.page))
    headings = re.findall("<h2>(.*?)</h2>", text)
    assert headings[:2] == ["Which of my examples are strong, and what transfers?", "The paper's claims"]
    begin = text[text.index("Which of my examples") : text.index("The paper")]
    for row in opening_rows(report.summary):
        for hits in (row.fooled, row.exactly_one, *(each.hits for each in (row.best, row.worst) if each)):
            assert f"{100 * hits / row.examples:.0f} % ({hits} of {row.examples})" in begin
    for row in report.summary.transfer:
        matrix = text[text.index("Transfer matrix") : text.index("Transfer and cleaning")]
        hits = row["misclassified_hits"]
        assert f"{100 * row['misclassified']:.0f} % ({hits} of {row['examples']})" in matrix
    assert not re.search(r">-0(\.0+)?( %)?<", text)
    sections = re.split("<h2>", text)
    for terms in ("CA1", r"misclassification\slog-odds", "halted", "cleaning"):
        explained = [re.search(f"<abbr title=[^>]*>{terms}</abbr>", each, re.IGNORECASE) for each in sections]
        assert any(explained), terms


ROW = OpeningRow("a", "net", 16, 16, 4, 30.0, Transfer("v", 7), Transfer("w", 0))


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([ROW], ["a on net, with a median misclassification log-odds of 30.0", "44 % (7 of 16) fool v."]),
        ([ROW, OpeningRow("b", "x", 16, 0, 0, 31.0, Transfer("v", 8), None)], ["of b on x", "50 % (8 of 16) fool v."]),
        (
            [ROW, OpeningRow("b", "x", 16, 0, 0, 3.0, Transfer("v", 8), None)],
            ["of a on net", "of b on x, of which 50 %"],
        ),
        ([ROW, OpeningRow("b", "x", 20, 0, 0, 3.0, Transfer("v", 8), None)], ["of a on net, of which 44 %"]),
        ([OpeningRow("a", "net", 16, 0, 0, -0.04, Transfer("v", 0), None)], ["log-odds of 0.0; none"]),
        ([OpeningRow("a", "net", 16, 0, 0, 2.0, None, None)], ["log-odds of 2.0."]),
    ],
)
def test_a_sentence_says_where_they_are(rows, words):
    said = opening_sentence(rows)
    for each in words:
        assert each in said
