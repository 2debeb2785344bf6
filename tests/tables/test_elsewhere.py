"""Every table as a pandas frame and as CSV, with the values that it had."""

import io

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import presoftmax as ps
from presoftmax.tables import TABLES, polars_schema
from tests.conftest import Tiny

VALUES = {
    pl.Int32: st.integers(-1, 2**31 - 1),
    pl.UInt32: st.integers(0, 2**32 - 1),
    pl.Float32: st.floats(width=32, allow_nan=False, allow_infinity=False),
    pl.Float64: st.floats(allow_nan=False, allow_infinity=False),
    pl.Boolean: st.booleans(),
    pl.String: st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8),
}
WORD = st.text("abc-0123456789", min_size=1, max_size=5)


def values(dtype):
    if isinstance(dtype, pl.List):
        entries = WORD if dtype.inner == pl.String else VALUES[type(dtype.inner)]
        return st.none() | st.lists(entries, max_size=3)
    return st.none() | VALUES[type(dtype)]


@st.composite
def tables(draw, name):
    columns = polars_schema(TABLES[name][0])
    count = draw(st.integers(0, 3))
    return pl.DataFrame(
        {key: [draw(values(dtype)) for _ in range(count)] for key, dtype in columns.items()}, schema=columns
    )


def entries(text, dtype):
    return pl.Series((text or "").split(), dtype=pl.String).cast(dtype.inner).to_list()


@pytest.mark.parametrize("name", TABLES)
@given(data=st.data())
@settings(max_examples=12, deadline=None)
def test_csv_keeps_every_value(name, data):
    frame = data.draw(tables(name))
    lists = [column for column, dtype in frame.schema.items() if isinstance(dtype, pl.List)]
    plain = ps.analysis.flat(frame)
    assert plain.columns == frame.columns
    assert plain.drop(lists).equals(frame.drop(lists))
    types = {key: pl.String if key in lists else dtype for key, dtype in frame.schema.items()}
    back = pl.read_csv(io.StringIO(plain.write_csv()), schema=types)
    for column in lists:
        assert [entries(text, frame.schema[column]) for text in back[column]] == [
            each or [] for each in frame[column].to_list()
        ]
        assert [text is None for text in plain[column]] == [each is None for each in frame[column].to_list()]
    assert back.drop(lists).equals(frame.drop(lists))


@pytest.mark.parametrize("name", TABLES)
@given(data=st.data())
@settings(max_examples=5, deadline=None)
def test_pandas_keeps_every_value(name, data):
    pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    frame = data.draw(tables(name))
    for whole in (frame, ps.analysis.flat(frame)):
        there = whole.to_pandas(use_pyarrow_extension_array=True)
        assert list(there.columns) == whole.columns
        assert pl.from_pandas(there).cast(whole.schema).equals(whole)
        assert len(whole.to_pandas()) == whole.height


def test_the_tables_of_a_run_go_everywhere(tiny, photos, tmp_path):
    trace = ps.trace(ps.attacks.multi_class(steps=3, classes=2), tiny, photos, victims={"v": Tiny(1)})
    judged = trace.judge()
    worst = ps.analysis.worst_case([trace])
    curves = ps.analysis.transfer_curves(trace.steps, trace.transfers)
    frames = [trace.steps, trace.transfers, trace.first_fooled(), worst.examples, worst.transfers, curves, judged.table,
              judged.transfers, judged.survival, judged.natural]  # fmt: skip
    for number, frame in enumerate(frames):
        ps.analysis.flat(frame).write_csv(tmp_path / f"{number}.csv")
        assert pl.read_csv(tmp_path / f"{number}.csv").height == frame.height
    targets = pl.read_csv(tmp_path / "0.csv")["targets"]
    assert [list(map(int, text.split())) for text in targets] == trace.steps["targets"].to_list()
