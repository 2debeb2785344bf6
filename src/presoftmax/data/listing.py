"""Which images there are, and their labels: a folder with a CSV, or class folders. Nothing is decoded here."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from presoftmax.errors import DataError

__all__ = ["UNKNOWN", "Entry", "Listing", "list_images", "list_unlabeled"]

UNKNOWN = -1
"""The label of an image of which none is known."""

_SUFFIXES = {
    ".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".bmp", ".dib", ".webp", ".tif", ".tiff", ".ppm", ".pgm",
    ".pbm", ".pnm", ".gif", ".avif", ".jp2", ".j2k", ".tga",
    # Not read, but photos all the same: they are named with the reason rather than passed over.
    ".heic", ".heif", ".jxl",
}  # fmt: skip
_FILE_COLUMNS = ("file", "filename", "image", "image_id", "path", "id")
_WORDNET_ID = re.compile(r"n\d{8}")
_IMAGENET_CLASSES = 1000
_LABEL_COLUMNS = ("label", "true_label", "class", "target")


@dataclass(frozen=True)
class Entry:
    """One image file, its label and its id (its path inside the folder, without the ending)."""

    id: str
    path: Path
    label: int


@dataclass(frozen=True)
class Listing:
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
        labels: a CSV with a header: a column of file names (``file``, ``filename``, ``image``, ``image_id``, ``path``
            or ``id``; the ending may be left out) and a column of 0-based classes (``label``, ``true_label``,
            ``class`` or ``target``).
        class_names: names of the model's classes, for class folders.

    Raises:
        DataError: a missing folder or CSV, no images, a bad row (named by its line), an unclear class folder.
    """
    root = _existing(folder)
    numbered: int | None = None
    if labels is not None:
        entries = _from_csv(root, Path(labels))
    else:
        entries, numbered = _from_class_folders(root, class_names)
    if not entries:
        hint = "" if labels is not None else " in class folders; for a flat folder give a CSV of labels"
        raise DataError(f"{root}: no images{hint}")
    return Listing(str(root), tuple(sorted(entries, key=lambda entry: entry.id)), numbered)


def list_unlabeled(folder: str | Path) -> Listing:
    """List all images below a folder, the label of each `UNKNOWN`.

    Raises:
        DataError: a missing folder, or no images.
    """
    root = _existing(folder)
    return Listing(str(root), tuple(_entry_of(root, path, UNKNOWN) for path in _images_below(root)))


def _existing(folder: str | Path) -> Path:
    root = Path(folder)
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


def _from_csv(root: Path, table: Path) -> list[Entry]:
    if not table.is_file():
        raise DataError(f"{table}: no such CSV of labels")
    files = {path.relative_to(root): path for path in _images_below(root)}
    by_name = {str(name): path for name, path in files.items()}
    by_name |= {str(name.with_suffix("")): path for name, path in files.items()}
    try:
        with table.open(newline="", encoding="utf-8-sig") as lines:
            rows = csv.DictReader(lines)
            file_column = _column(table, rows.fieldnames, _FILE_COLUMNS, "file names")
            label_column = _column(table, rows.fieldnames, _LABEL_COLUMNS, "labels")
            return [
                _entry(root, by_name, f"{table}:{rows.line_num}", row[file_column], row[label_column]) for row in rows
            ]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{table}: not a CSV ({error})") from error


def _column(table: Path, header: Sequence[str] | None, wanted: Sequence[str], what: str) -> str:
    found = [name for name in wanted if name in (header or ())]
    if not found:
        raise DataError(f"{table}: no column of {what}; expected one of {', '.join(wanted)}")
    return found[0]


def _entry(root: Path, by_name: dict[str, Path], where: str, name: str | None, label: str | None) -> Entry:
    path = by_name.get(name or "")
    if path is None:
        raise DataError(f"{where}: no image {name!r} in {root}")
    try:
        number = int(label or "")
    except ValueError:
        raise DataError(f"{where}: label {label!r} of {name!r} is not a whole number") from None
    return _entry_of(root, path, number)


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
    if folders and all(_WORDNET_ID.fullmatch(name) for name in folders):
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
    if find_spec("timm") is None:
        raise DataError(
            f"{root}: {len(folders)} of ImageNet's class folders; which classes they are, timm knows: "
            "pip install 'presoftmax[timm]', or name them by class number, or give a CSV of labels"
        )
    from timm.data import ImageNetInfo

    info = ImageNetInfo()
    position = {info.index_to_label_name(number): number for number in range(info.num_classes())}
    unknown = [name for name in folders if name not in position]
    if unknown:
        raise DataError(f"{root}: {unknown[0]} is no class of ImageNet-1k")
    return [position[name] for name in folders]


def _is_image(path: Path) -> bool:
    # Beside "a.jpg", macOS leaves "._a.jpg", which is no image.
    return path.suffix.lower() in _SUFFIXES and not path.name.startswith("._") and path.is_file()
