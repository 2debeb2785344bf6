"""The explorer as a folder of files, for any web server."""

from collections.abc import Iterator
from pathlib import Path

from presoftmax.data import as_path
from presoftmax.errors import RunError
from presoftmax.explorer._answers import answer
from presoftmax.explorer._page import STATIC, bundle_page, static_file
from presoftmax.explorer.material import Material
from presoftmax.explorer.view import View
from presoftmax.storage import make_folder, replace_file

__all__ = ["write_bundle"]

_EXAMPLES = 2000
_LONGEST = 400


def write_bundle(material: Material, folder: str | Path) -> Path:
    """Write the page, its answers as JSON and its images as PNG: at most 2,000 examples.

    Raises:
        RunError: the folder is there and not empty, or cannot be written.
    """
    path = as_path(folder, "bundle")
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise RunError(f"{path}: exists and is not empty; give another folder with --bundle")
    view = View.of(material, _EXAMPLES, _LONGEST)
    for name in STATIC:
        _write(path / name, bundle_page() if name == "index.html" else static_file(name))
    for address in _addresses(view):
        found = answer(view, address)
        if found is not None:
            _write(path / "data" / address, found[0])
    return path


def _addresses(view: View) -> Iterator[str]:
    yield "overview.json"
    yield from (f"frames/{stop}.json" for stop in range(len(view.tables.iterations)))
    for n in range(len(view.shown)):
        yield f"examples/{n}.json"
        yield f"thumbs/{n}.png"
        yield from (f"images/{n}/{at}.png" for at in view.material.pictures.kept(view.key(n)))


def _write(path: Path, content: bytes) -> None:
    try:
        make_folder(path.parent)
    except OSError as error:
        raise RunError(f"{path.parent}: cannot be made ({error.strerror or error})") from error
    replace_file(path, lambda target: target.write_bytes(content))
