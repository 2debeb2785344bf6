"""Whatever a name holds: one short line of characters that a terminal, XML and UTF-8 take, and a name for a file."""

import re
from unicodedata import bidirectional, category

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from presoftmax.text import LINE, NAME, counted, file_name, listed, one_line, printable, storable
from tests.text.nasty import NASTY

NAMES = st.text(st.characters(), max_size=120)
# What XML 1.0 takes, https://www.w3.org/TR/xml/#charsets, less its line breaks.
XML = re.compile("[\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*")
OVERRIDES = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def is_harmless(text: str) -> bool:
    lines = any(category(each) in ("Cc", "Zl", "Zp", "Cs") for each in text)
    return XML.fullmatch(text) is not None and not lines and not OVERRIDES & set(map(bidirectional, text))


@given(NAMES, st.integers(1, 150))
@example("\ud800" * 60, 80)
@example("\n", 1)
def test_any_text_becomes_one_short_line(text, limit):
    shown = printable(text, limit)
    assert is_harmless(shown)
    assert len(shown) <= limit
    shown.encode("utf-8")


@pytest.mark.parametrize("name", NASTY.values(), ids=NASTY)
def test_the_names_of_the_table_too(name):
    for shown in (printable(name), one_line(name), printable(name, LINE)):
        assert is_harmless(shown)
    assert len(printable(name)) <= NAME
    assert len(one_line(name)) <= LINE


@given(NAMES)
def test_what_is_harmless_stays_as_it_is(text):
    shown = printable(text, 10_000)
    assert printable(shown, 10_000) == shown
    if all(each.isprintable() for each in text):
        assert shown == text


def test_it_says_what_was_there_and_where_something_is_left_out():
    assert printable("a\x1b[31mb\n\u202e\ud800") == "a\\x1b[31mb\\n\\u202e\\ud800"
    assert printable("0123456789", 7) == "012…789"
    assert printable("0123456789", 10) == "0123456789"
    assert printable("0123456789", 1) == "…"
    assert one_line("first\n  second\tthird ") == "first second third"


@given(NAMES, NAMES)
def test_names_of_files_are_told_apart_and_any_disk_takes_them(one, other):
    first, second = file_name(one), file_name(other)
    assert (first == second) == (one == other)
    for name in (first, file_name(one, unique=False)):
        assert re.fullmatch(r"[\w-][\w.-]*", name)
        assert len(name.encode("utf-8")) <= 170


@pytest.mark.parametrize("name", ["over-optimized", "eps-0.1", "a_b", "r\u00e9sum\u00e9", "\u6f22\u5b57"])
def test_good_names_of_files_stay(name):
    assert file_name(name) == name


@given(NAMES)
def test_any_text_can_be_stored(text):
    stored = storable(text)
    stored.encode("utf-8")
    assert stored == text or any(0xD800 <= ord(each) < 0xE000 for each in text)


def test_things_are_counted_and_listed_as_in_a_sentence():
    assert [counted(n, "photo") for n in (0, 1, 2)] == ["0 photos", "1 photo", "2 photos"]
    said = [listed(["a", "b", "c", "d", "e"][:n]) for n in range(6)]
    assert said == ["", "a", "a and b", "a, b and c", "a, b, c and d", "5 other models"]
    assert listed(["x" * 999, "a\n"]) == f"{printable('x' * 999)} and a\\n"
