"""Which images there are, and their labels: a folder with a CSV, or class folders. Nothing is decoded here."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from presoftmax.data._decoding import NOT_READ
from presoftmax.data._label_table import read_table
from presoftmax.data._labels import WORDNET_ID, imagenet_positions, label_of
from presoftmax.data._names import Names
from presoftmax.data.paths import as_path
from presoftmax.errors import DataError
from presoftmax.printing import Printed

__all__ = ["UNKNOWN", "Entry", "Listing", "list_images", "list_unlabeled"]

UNKNOWN = -1
"""The label of an image of which none is known."""

_SUFFIXES = {
    ".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".bmp", ".dib", ".webp", ".tif", ".tiff", ".ppm", ".pgm",
    ".pbm", ".pnm", ".gif", ".avif", ".jp2", ".j2k", ".tga", *NOT_READ,
}  # fmt: skip
_IMAGENET_CLASSES = 1000


@dataclass(frozen=True)
class Entry:
    """One image file, its label and its id (its path inside the folder, without the ending)."""

    id: str
    path: Path
    label: int


@dataclass(frozen=True, repr=False)
class Listing(Printed):
    """The images of one place, in a fixed order.

    ``numbered_folders`` is how many class folders were numbered in the order of their names, because nothing better was
    known: there must be as many as the model has classes.
    """

    origin: str
    entries: tuple[Entry, ...]
    numbered_folders: int | None = None


def list_images(
    folder: str | Path, labels: str | Path | None = None, class_names: Sequence[str] | None = None
) -> Listing:
    """List the images of a folder.

    Args:
        folder: with ``labels``, a folder of images; without, a folder of class folders as in torchvision's
            ``ImageFolder``. Class folders are numbers, or names of ``class_names``, or ImageNet's (``n01440764``), or
            else they are numbered in sorted order, and must then be as many as the model has classes.
        labels: a table with a header (in any case; commas, semicolons or tabs): a column of file names (``file``,
            ``filename``, ``image``, ``image_id``, ``path`` or ``id``; the ending may be left out) and a column of
            classes (``label``, ``true_label``, ``class`` or ``target``), 0-based numbers, names of ``class_names``, or
            WordNet ids. Or two columns without a header.
        class_names: names of the model's classes, for class folders and labels.

    Raises:
        DataError: a missing folder or CSV, no images, a bad row (named by its line), an unclear class folder.
    """
    root = _existing(folder)
    numbered: int | None = None
    if labels is not None:
        entries = _from_table(root, as_path(labels, "labels"), class_names)
    else:
        entries, numbered = _from_class_folders(root, class_names)
    if not entries:
        hint = "" if labels is not None else " in class folders; for a flat folder give a CSV of labels"
        raise DataError(f"{root}: no images{hint}")
    return Listing(str(root), tuple(sorted(_told_apart(root, entries), key=lambda entry: entry.id)), numbered)


def list_unlabeled(folder: str | Path) -> Listing:
    """List all images below a folder, or a single image, the label of each `UNKNOWN`.

    Raises:
        DataError: a missing folder or file, or no images.
    """
    single = as_path(folder, "a folder of images")
    if single.is_file() and _is_image(single):
        return Listing(str(single), (Entry(single.stem, single, UNKNOWN),))
    root = _existing(folder)
    entries = [_entry_of(root, path, UNKNOWN) for path in _images_below(root)]
    return Listing(str(root), tuple(_told_apart(root, entries)))


def _existing(folder: str | Path) -> Path:
    root = as_path(folder, "a folder of images")
    if not root.is_dir():
        raise DataError(f"{root}: not a folder of images")
    return root


def _images_below(root: Path) -> list[Path]:
    files = [path for path in sorted(root.rglob("*")) if _is_image(path)]
    if not files:
        raise DataError(f"{root}: no images")
    return files


def _entry_of(root: Path, path: Path, label: int) -> Entry:
    return Entry(path.relative_to(root).with_suffix("").as_posix(), path, label)


def _told_apart(root: Path, entries: Sequence[Entry]) -> list[Entry]:
    """Of files that only their endings tell apart (``a.png`` beside ``a.jpg``), the ids keep them."""
    count = Counter(entry.id for entry in entries)
    return [
        entry if count[entry.id] == 1 else replace(entry, id=entry.path.relative_to(root).as_posix())
        for entry in entries
    ]


def _from_table(root: Path, table: Path, class_names: Sequence[str] | None) -> list[Entry]:
    if not table.is_file():
        raise DataError(f"{table}: no such CSV of labels")
    names = Names(root, _images_below(root))
    found: dict[Path, tuple[int, str]] = {}
    for row in read_table(table, names.has):
        path = names.one(row.where, row.file)
        label = label_of(row.where, row.file, row.label, class_names)
        before, where = found.setdefault(path, (label, row.where))
        if before != label:
            raise DataError(f"{row.where}: label {label} of {row.file!r}, of which {where} says {before}")
    return [_entry_of(root, path, label) for path, (label, _) in found.items()]


def _from_class_folders(root: Path, class_names: Sequence[str] | None) -> tuple[list[Entry], int | None]:
    folders = sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    numbers = _class_numbers(root, [path.name for path in folders], class_names)
    entries = [
        _entry_of(root, path, number)
        for folder, number in zip(folders, numbers or range(len(folders)), strict=True)
        for path in sorted(folder.rglob("*"))
        if _is_image(path)
    ]
    return entries, len(folders) if numbers is None else None


def _class_numbers(root: Path, folders: list[str], class_names: Sequence[str] | None) -> list[int] | None:
    """The class of each folder, as its name says; None where names say nothing, and only their order is left."""
    if folders and all(name.isdecimal() for name in folders):
        numbers = [int(name) for name in folders]
        if class_names is not None and min(numbers) == 1 and max(numbers) == len(class_names):
            raise DataError(f"{root}: class folders are numbered from 1 to {max(numbers)}; classes are counted from 0")
        return numbers
    if class_names is not None and all(name in class_names for name in folders):
        return [_number_of(root, name, class_names) for name in folders]
    if folders and all(WORDNET_ID.fullmatch(name) for name in folders):
        return _imagenet_numbers(root, folders)
    if class_names is not None and len(folders) != len(class_names):
        raise DataError(
            f"{root}: {len(folders)} class folders for {len(class_names)} classes, and their names are neither "
            "numbers nor class names; name them by class number or give a CSV of labels"
        )
    return None


def _number_of(root: Path, name: str, class_names: Sequence[str]) -> int:
    found = [number for number, each in enumerate(class_names) if each == name]
    if len(found) > 1:
        listed = " and ".join(map(str, found))
        raise DataError(f"{root}: {name!r} is the name of the classes {listed}; name the folders by class number")
    return found[0]


def _imagenet_numbers(root: Path, folders: list[str]) -> list[int] | None:
    """Classes of ImageNet-1k by WordNet id: in its own order where all are there, else as timm lists them."""
    if len(folders) == _IMAGENET_CLASSES:
        return None
    position = imagenet_positions(f"{root}: {len(folders)} of ImageNet's class folders", folders)
    return [position[name] for name in folders]


def _is_image(path: Path) -> bool:
    # Beside "a.jpg", macOS leaves "._a.jpg", which is no image.
    return path.suffix.lower() in _SUFFIXES and not path.name.startswith("._") and path.is_file()
