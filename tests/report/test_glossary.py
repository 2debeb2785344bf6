"""Terms are explained where a section first uses one; nothing else of a page changes."""

import re
from html import unescape

import pytest

from presoftmax.report._glossary import GLOSSARY, explained

TERMS = ["misclassification log-odds", "misclassification_log_odds", "misclassification\nlog-odds", "group log-odds",
         "group_log_odds", "log-odds", "log_odds", "log odds", "CA1", "ca1", "halted", "Halted", "halts",
         "halt", "cleaned", "cleaning"]  # fmt: skip
OTHERS = [
    "CA2",
    "CA10",
    "net/CA1",
    "panel:ca1",
    "clean",
    "cleaner",
    "group",
    "over-halted",
    "halting",
    "x.CA1",
    "CA1-x",
]


def abbreviations(page):
    return re.findall(r'<abbr title="[^"<>]+">([^<]+)</abbr>', page)


@pytest.mark.parametrize("term", TERMS)
def test_the_first_use_in_a_section_is_explained(term):
    first = f"<h1>{term}</h1><p>{term} and {term}</p>"
    page = f"{first}<h2>{term}</h2><p>the {term}.</p><td>{term}</td><h2>x</h2><b>{term}</b>"
    said = explained(page)
    assert abbreviations(said) == [term] * 3
    assert re.sub(r"</?abbr[^>]*>", "", said) == page
    for before in ("<p>", "<p>the ", "<b>"):
        assert f"{before}<abbr" in said


@pytest.mark.parametrize("other", OTHERS)
def test_what_only_looks_like_a_term_is_not(other):
    assert abbreviations(explained(f"<p>{other}</p>")) == []


@pytest.mark.parametrize("kept", [
    '<img alt="CA1 and log-odds">', "<style>.ca1 { color: red }</style>", "<script>if (ca1 > 1) halted()</script>",
    "<code>ca1</code>", "<title>CA1</title>", '<abbr title="mine">CA1</abbr>', "<h2>CA1</h2>", "<h3>halted</h3>",
])  # fmt: skip
def test_what_is_no_running_text_stays(kept):
    assert explained(kept) == kept


def test_every_term_is_of_the_glossary_and_said_as_text():
    assert len(GLOSSARY) >= 6
    page = explained("<p>" + "</p><h2></h2><p>".join(TERMS) + "</p>")
    assert len(abbreviations(page)) == len(TERMS)
    titles = map(unescape, re.findall('<abbr title="([^"]*)">', page))
    assert set(titles) == set(GLOSSARY.values())
