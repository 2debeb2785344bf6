"""Whatever a name holds, a page says it as text: the same elements as with plain names, every character harmless."""

from dataclasses import replace

import pytest
import torch
from markupsafe import Markup
from matplotlib.figure import Figure

import presoftmax as ps
from presoftmax.report import audit_sentences, html, write_audit
from presoftmax.scores import assess
from presoftmax.storage import RunFolder
from presoftmax.text import LINE
from presoftmax.workflows import audit
from tests.conftest import CLASSES, Tiny, make_set
from tests.text.nasty import NASTY
from tests.text.pages import Page, fits_a_phone
from tests.text.test_printable import is_harmless

pytestmark = pytest.mark.filterwarnings("ignore:what is natural:presoftmax.errors.PresoftmaxWarning")
# Seven names at a time; the last names twice.
GROUPS = [tuple(NASTY.values())[start : start + CLASSES] for start in range(0, len(NASTY) - CLASSES, CLASSES)]
GROUPS.append(tuple(NASTY.values())[-CLASSES:])
PLAIN = tuple(f"name{i}" for i in range(CLASSES))
EVERY_GROUP = pytest.mark.parametrize("names", GROUPS, ids=lambda names: str(GROUPS.index(names)))


@pytest.fixture(autouse=True)
def _empty_figures(monkeypatch):
    """How names look in figures is tested with the figures."""
    monkeypatch.setattr(Figure, "savefig", lambda self, path, **_: path.write_bytes(b""))


def traced(names):
    """Every name is that of a victim, of a class and of an example, two are of the attack and of the source."""
    network = Tiny()
    photos = make_set(network, CLASSES)
    source = ps.Classifier(network, name=names[0], classes=names)
    attack = replace(ps.attacks.over_optimized(steps=3, alpha=0.05), name=names[1])
    victims = {name: Tiny(i) for i, name in enumerate(names, 1)}
    targets = (photos.labels + 1) % CLASSES  # which would else be drawn from the names
    return ps.trace(
        attack, source, photos.images, photos.labels, ids=names, victims=victims, keep="all", targets=targets[:, None]
    )


def run_page(names, folder):
    return traced(names).report(folder)


def score_page(names, folder):
    return traced(names).judge().save(folder)


def audit_page(names, folder):
    logits = torch.randn((30, CLASSES), generator=torch.Generator().manual_seed(0)) * 10
    trust, made = assess(logits, None), RunFolder.create(folder)
    summary = audit._summary(names[0], trust, folder, None)
    write_audit(made, logits, summary, audit_sentences(names[0], trust))
    return folder / "audit.html"


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """The pages with plain names, by who writes them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "savefig", lambda self, path, **_: path.write_bytes(b""))
        folder = tmp_path_factory.mktemp("plain")
        return {write: Page(write(PLAIN, folder / write.__name__)) for write in WRITERS}


WRITERS = (run_page, score_page, audit_page)


@EVERY_GROUP
@pytest.mark.parametrize("write", WRITERS)
def test_a_page_says_names_as_text(tmp_path, plain, write, names):
    page = Page(write(names, tmp_path / "run"))
    assert page.elements == plain[write].elements
    for text in page.said:
        assert all(map(is_harmless, text.split("\n"))), repr(text[:200])
        assert max(map(len, text.split("\n"))) <= LINE
    assert sum(map(len, page.said)) < sum(map(len, plain[write].said)) + 30_000


@pytest.mark.parametrize("write", [run_page, audit_page])
def test_a_page_fits_a_phone(plain, write):
    fits_a_phone(plain[write])


@pytest.mark.parametrize("name", NASTY.values(), ids=NASTY)
def test_what_a_template_does_not_cut_is_printable_all_the_same(name):
    said = html._finalized(name)
    assert is_harmless(said)
    assert len(said) <= LINE


def test_images_and_markup_stay_as_they_are():
    image = html.data_uri(b"x" * 9_000)
    for kept in (image, Markup("<b>\n</b>"), 3, None):
        assert html._finalized(kept) is kept
