"""The explorer as one file that can be mailed, and opens from disk."""

from collections import Counter
from html import escape
from pathlib import Path

from presoftmax.data import as_path
from presoftmax.explorer._answers import as_json
from presoftmax.explorer._page import one_file
from presoftmax.explorer.material import Material
from presoftmax.explorer.view import View
from presoftmax.printing import Printed
from presoftmax.report import data_uri
from presoftmax.storage import replace_text

__all__ = ["Explorer", "single_page", "write_explorer"]

_EXAMPLES = 200
_LONGEST = 160
_SIDE = 128
_IMAGE_BYTES, _NOTEBOOK_BYTES = 9_000_000, 3_000_000
"""Images of a file, and of a cell, which is kept with its notebook, in bytes of PNG: as text a third more."""
_PHOTOS = 100
"""Of so many examples the clean and the last image are kept before any other is."""


def single_page(material: Material, image_bytes: int = _IMAGE_BYTES) -> str:
    """The page with its data and images in it: at most 200 examples, images of at most 128 pixels a side."""
    view = View.of(material, _EXAMPLES, _LONGEST)
    count = len(view.shown)
    answers = {
        "overview.json": view.overview(),
        **{f"frames/{stop}.json": view.frame(stop) for stop in range(len(view.tables.iterations))},
    }
    images = _images(view, image_bytes)
    for n in range(count):
        example = view.example(n)
        example["kept"] = sorted(at for number, at in images if number == n)
        answers[f"examples/{n}.json"] = example
    pictures = {f"images/{n}/{at}.png": data_uri(png) for (n, at), png in sorted(images.items())}
    thumbs = {f"thumbs/{n}.png": data_uri(png) for n in range(count) if (png := view.thumbnail(n)) is not None}
    return one_file({"answers": as_json(answers), "pictures-held": as_json({**pictures, **thumbs})})


def write_explorer(material: Material, path: Path) -> Path:
    """Write that page; see `single_page`."""
    replace_text(path, single_page(material))
    return path


def _images(view: View, room: int) -> dict[tuple[int, int], bytes]:
    """As many images as there is room for: of every example the ends first, then all, the attacks taking turns."""
    kept = [view.material.pictures.kept(view.key(n)) for n in range(len(view.shown))]
    ends = [(n, at) for n, its in enumerate(kept[:_PHOTOS]) if its for at in dict.fromkeys((its[0], its[-1]))]
    between = [(n, at) for n in _in_turn(view) for at in kept[n]]
    found: dict[tuple[int, int], bytes] = {}
    for n, at in dict.fromkeys([*ends, *between]):
        png = view.image(n, at, _SIDE)
        if png is None:
            continue
        room -= len(png)
        if room < 0:
            break
        found[n, at] = png
    return found


def _in_turn(view: View) -> list[int]:
    """Positions of the examples: the first of every attack and source, then the second ones."""
    seen: Counter[tuple[str, str]] = Counter()
    turns = []
    for n in range(len(view.shown)):
        key = view.key(n)
        turns.append((seen[key.attack, key.source], n))
        seen[key.attack, key.source] += 1
    return [n for _, n in sorted(turns)]


class Explorer(Printed):
    """The explorer of what is in memory: shown in a notebook as it is, or written as a file."""

    def __init__(self, material: Material) -> None:
        self._material = material

    def save(self, path: str | Path) -> Path:
        """Write it as one HTML file that opens from disk.

        Returns:
            The file.

        Raises:
            RunError: it cannot be written.
        """
        return write_explorer(self._material, as_path(path, "path"))

    def _lines(self) -> list[str]:
        return [f"Explorer of {self._material.title}: .save('explorer.html'), or show it in a notebook"]

    def _repr_html_(self) -> str:
        """In a notebook: the page itself, in a frame of its own that can reach nothing of the notebook."""
        page = escape(single_page(self._material, _NOTEBOOK_BYTES), quote=True)
        return (
            f'<iframe title="presoftmax explorer" sandbox="allow-scripts allow-downloads" srcdoc="{page}" '
            'width="100%" height="800" style="border:0"></iframe>'
        )
