"""A dataset that Hugging Face's library has saved to disk, as a place with labeled images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from presoftmax.data._labels import label_of
from presoftmax.data.imageset import ImageSet
from presoftmax.data.reading import Preprocessing, decode_all
from presoftmax.errors import DataError, first_line

__all__ = ["HuggingFace", "is_saved_dataset", "open_saved_dataset"]

_LABELS = ("label", "labels", "true_label", "fine_label")


@dataclass(frozen=True)
class HuggingFace:
    """A saved split: rows with an image and a whole-number label; ids are row numbers."""

    path: Path
    rows: Any
    image: str
    label: str
    preprocessing: Preprocessing
    class_names: Sequence[str] | None = None

    @property
    def ids(self) -> Sequence[str]:
        """One id per row."""
        return [f"{i:06d}" for i in range(len(self.rows))]

    def read(self, positions: Sequence[int]) -> ImageSet:
        """Decode these rows; what cannot be used is in ``skipped``."""
        rows = ((position, self.rows[int(position)]) for position in positions)
        return decode_all((self._named(position, row) for position, row in rows), self.preprocessing)

    def _named(self, position: int, row: Mapping[str, Any]) -> tuple[str, str, Path | BytesIO, int]:
        name, where = f"{position:06d}", f"{self.path}, row {position}"
        return name, where, _file(row[self.image]), label_of(where, name, str(row[self.label]), self.class_names)


def is_saved_dataset(path: Path) -> bool:
    """Whether ``Dataset.save_to_disk`` or ``DatasetDict.save_to_disk`` wrote this folder."""
    return (path / "dataset_info.json").is_file() or (path / "dataset_dict.json").is_file()


def open_saved_dataset(
    path: Path, preprocessing: Preprocessing, class_names: Sequence[str] | None = None
) -> HuggingFace:
    """Open a saved split, whose labels are numbers, or names among ``class_names``.

    Raises:
        DataError: the library is missing, the folder holds several splits, or there is no column of images or labels.
    """
    try:
        import datasets
    except ImportError:
        raise DataError(f"{path}: a Hugging Face dataset needs: pip install 'presoftmax[datasets]'") from None
    try:
        rows = datasets.load_from_disk(str(path))
    except Exception as error:  # the library raises many kinds
        raise DataError(f"{path}: not a readable dataset ({first_line(error)})") from error
    if isinstance(rows, datasets.DatasetDict):
        raise DataError(f"{path}: holds the splits {', '.join(rows)}; give the folder of one of them")
    images = [name for name, kind in rows.features.items() if isinstance(kind, datasets.Image)]
    labels = [name for name in _LABELS if name in rows.features]
    labels += [name for name, kind in rows.features.items() if isinstance(kind, datasets.ClassLabel)]
    if not images or not labels:
        raise DataError(f"{path}: no column of {'labels' if images else 'images'}; columns: {', '.join(rows.features)}")
    # Decoded here, as all other images are.
    rows = rows.cast_column(images[0], datasets.Image(decode=False))
    return HuggingFace(path, rows, images[0], labels[0], preprocessing, class_names)


def _file(cell: dict[str, Any] | None) -> Path | BytesIO:
    """Where the image is; a row without one has no bytes, which decoding says."""
    if cell is None or (cell.get("bytes") is None and cell.get("path") is None):
        return BytesIO()
    return BytesIO(cell["bytes"]) if cell.get("bytes") is not None else Path(cell["path"])
