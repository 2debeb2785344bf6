"""Reading a page as a browser would: its elements, and all that it says."""

from html.parser import HTMLParser
from pathlib import Path

_EMPTY = {"meta", "img", "br", "link", "hr", "input", "col", "wbr"}


class Page(HTMLParser):
    """Elements in order, texts and attributes; refuses elements that are not closed where they should be.

    Attributes:
        elements: names of all elements, with how deep each lies.
        said: every text and every value of an attribute but images.
        within: of each element, its name, its classes, and the classes of all that it lies in.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, int]] = []
        self.said: list[str] = []
        self.within: list[tuple[str, set[str], set[str]]] = []
        self._open: list[str] = []
        self._classes: list[set[str]] = []
        self.feed(path.read_text(encoding="utf-8"))
        self.close()
        assert not self._open, f"not closed: {self._open}"

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, len(self._open)))
        classes = set((dict(attributes).get("class") or "").split())
        self.within.append((tag, classes, set().union(*self._classes)))
        self.said += [value for _, value in attributes if value and not value.startswith("data:image/")]
        if tag not in _EMPTY:
            self._open.append(tag)
            self._classes.append(classes)

    def handle_endtag(self, tag):
        assert tag == self._open.pop(), tag
        self._classes.pop()

    def handle_data(self, data):
        self.said.append(data)


def fits_a_phone(page: Page) -> None:
    """Whatever may be wider than a phone can be moved on its own."""
    for tag, classes, outside in page.within:
        if tag == "table":
            assert "scroll" in outside, "a table that would widen the page"
        if tag == "img" and "photo" not in classes:
            assert classes & {"wide", "single"}, "a figure that would be too small to read"
