"""No reader is told of a minus zero."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from presoftmax.report.html import _formatted
from presoftmax.text import no_minus_zero


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("-0", "0"), ("-0 %", "0 %"), ("-0.0", "0.0"), ("-0.00 to -0.01", "0.00 to -0.01"), ("[-0, 28]", "[0, 28]"),
        ("from -0.", "from 0."), ("(-0.0)", "(0.0)"), ("-0.05", "-0.05"), ("-0.50 %", "-0.50 %"), ("-01", "-01"),
        ("1-0", "1-0"),
        ("net-0", "net-0"), ("1e-0", "1e-0"), ("--0", "--0"), ("+0.00", "+0.00"), ("-0x1", "-0x1"), ("-0,-0", "0,0"),
    ],
)  # fmt: skip
def test_a_minus_zero_is_zero(text, said):
    assert no_minus_zero(text) == said


@given(
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.sampled_from(["%.0f", "%.1f", "%+.2f", "%.3f", "%.0f %%"]),
)
def test_a_number_of_a_page_keeps_its_value(value, form):
    said, usual = _formatted(form, value), form % value
    assert said == usual or float(said.strip(" %")) == 0 == float(usual.strip(" %"))
    assert not (said.startswith("-") and float(said.strip(" %")) == 0)
