"""A dataset that Hugging Face's library has saved to disk, as a place with labeled images."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

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

    @property
    def ids(self) -> Sequence[str]:
        """One id per row."""
        return [f"{i:06d}" for i in range(len(self.rows))]

    def read(self, positions: Sequence[int]) -> ImageSet:
        """Decode these rows; what cannot be used is in ``skipped``."""
        rows = ((position, self.rows[int(position)]) for position in positions)
        named = (
            (f"{position:06d}", f"{self.path}, row {position}", _file(row[self.image]), int(row[self.label]))
            for position, row in rows
        )
        return decode_all(named, self.preprocessing)


def is_saved_dataset(path: Path) -> bool:
    """Whether ``Dataset.save_to_disk`` or ``DatasetDict.save_to_disk`` wrote this folder."""
    return (path / "dataset_info.json").is_file() or (path / "dataset_dict.json").is_file()


def open_saved_dataset(path: Path, preprocessing: Preprocessing) -> HuggingFace:
    """Open a saved split.

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
    return HuggingFace(path, rows, images[0], labels[0], preprocessing)


def _file(cell: dict[str, Any]) -> Path | BytesIO:
    return BytesIO(cell["bytes"]) if cell.get("bytes") is not None else Path(cell["path"])
