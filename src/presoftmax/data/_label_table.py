"""A table of labels as people have it: comma, semicolon or tab, any case, with or without a header."""

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from presoftmax.data.content import describe_content
from presoftmax.errors import DataError

__all__ = ["Row", "read_table"]

_FILE_COLUMNS = ("file", "filename", "image", "image_id", "path", "id")
_LABEL_COLUMNS = ("label", "true_label", "class", "target")
_ALSO_FILES = ("img", "imagename", "imagefile", "imagepath", "filepath", "imgpath", "imgid", "imgname")
_ALSO_LABELS = ("labels", "labelid", "classid", "classindex", "targets", "y", "groundtruth", "category")
_SEPARATORS = (",", ";", "\t", "|")
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class Row:
    """A line of the table: where it is, the name of its file, and its label as it is written."""

    where: str
    file: str
    label: str


def read_table(table: Path, is_image: Callable[[str], bool]) -> Iterator[Row]:
    """The rows of a table; blank lines are passed over.

    Args:
        table: CSV, with a header that names a column of files and one of labels, or of two columns without one.
        is_image: whether a text is the name of an image, by which a table without a header is told.

    Raises:
        DataError: no text, no such columns, or a row without them.
    """
    text = _text(table)
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise _no_column(table, "file names", _FILE_COLUMNS)
    separator, at = _how_it_is_written(table, lines[0], is_image)
    rows = _rows(table, text, separator)
    if not at.headless and len(rows) == 1:
        raise DataError(f"{table}: no row below its header")
    for line, cells in rows if at.headless else rows[1:]:
        if len(cells) <= max(at.file, at.label):
            raise DataError(f"{table}:{line}: {len(cells)} columns, where the first row has {at.width}")
        if any(cells[at.width :]):
            # A comma in a name, or in "1,7": which columns are meant is not known.
            found = f"{len(cells)} columns, where the first row has {at.width}"
            raise DataError(f"{table}:{line}: {found}; put names with a separator in them in quotes")
        yield Row(f"{table}:{line}", cells[at.file], cells[at.label])


@dataclass(frozen=True)
class _Columns:
    file: int
    label: int
    width: int
    headless: bool


def _text(table: Path) -> str:
    content = table.read_bytes()
    what = describe_content(table)
    if what is not None and not what.startswith(("text", "nothing but white", "an empty file")):
        raise DataError(f"{table}: not a CSV (it is {what})")
    try:
        # Excel's "Unicode text" is UTF-16.
        return content.decode("utf-16" if content.startswith(_UTF_16) else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{table}: not a CSV (not UTF-8 at byte {error.start}; save it as CSV UTF-8)") from error


def _how_it_is_written(table: Path, first: str, is_image: Callable[[str], bool]) -> tuple[str | None, _Columns]:
    """The separator by which the first line makes sense (None for white space), and what its columns are."""
    problems: dict[str | None, DataError] = {}
    for separator in (*_SEPARATORS, None):
        if separator is not None and separator not in first:
            continue
        try:
            return separator, _columns(table, _rows(table, first, separator)[0][1], is_image)
        except DataError as error:
            problems[separator] = error
    raise problems[max(problems, key=lambda each: first.count(each) if each else 0)]


def _rows(table: Path, text: str, separator: str | None) -> list[tuple[int, list[str]]]:
    """Line number and cells of each row that is not blank."""
    if separator is None:
        # As lists of ImageNet have it: "ILSVRC2012_val_00000001.JPEG 65".
        return [(at, _halves(line)) for at, line in enumerate(text.splitlines(), 1) if line.strip()]
    reader = csv.reader(StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True)
    try:
        named = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    except csv.Error as error:
        raise DataError(f"{table}:{reader.line_num}: not a CSV ({error})") from error
    return [(line, cells) for line, cells in named if any(cells)]


def _halves(line: str) -> list[str]:
    """What stands before and behind the last white space."""
    return [part.strip("\"' ") for part in line.strip().rsplit(maxsplit=1)]


def _columns(table: Path, first: Sequence[str], is_image: Callable[[str], bool]) -> _Columns:
    header = [_plain(cell) for cell in first]
    file = _position(header, (*_FILE_COLUMNS, *_ALSO_FILES))
    label = _position(header, (*_LABEL_COLUMNS, *_ALSO_LABELS))
    if file is not None and label is not None:
        return _Columns(file, label, len(first), headless=False)
    if len(first) == 2 and is_image(first[0]) != is_image(first[1]):
        at = 0 if is_image(first[0]) else 1
        return _Columns(at, 1 - at, 2, headless=True)
    if file is None:
        raise _no_column(table, "file names", _FILE_COLUMNS)
    raise _no_column(table, "labels", _LABEL_COLUMNS)


def _position(header: Sequence[str], wanted: Sequence[str]) -> int | None:
    return next((header.index(_plain(name)) for name in wanted if _plain(name) in header), None)


def _plain(name: str) -> str:
    """``True Label``, ``true_label`` and ``TrueLabel`` are one name."""
    return re.sub(r"[\s_\-.]", "", name).casefold()


def _no_column(table: Path, what: str, wanted: Sequence[str]) -> DataError:
    return DataError(f"{table}: no column of {what}; expected one of {', '.join(wanted)}")
