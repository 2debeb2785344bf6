"""Adversarial images with the clean ones that they were made of, and their labels."""

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from presoftmax.data import ARRAY_FILES, ImageSet, Preprocessing, list_images, list_unlabeled, read_arrays, read_images
from presoftmax.errors import DataError
from presoftmax.strength.distortions import rounding

__all__ = ["Examples", "read_examples"]


@dataclass(frozen=True)
class Examples:
    """Pairs of images.

    Attributes:
        adversarial: as they were given, uint8, or float32 in [0, 1], ``(N, 3, H, W)``.
        clean: uint8 ``(N, 3, H, W)``, with labels and ids.
    """

    adversarial: Tensor
    clean: ImageSet

    def __post_init__(self) -> None:
        if self.adversarial.shape != self.clean.images.shape:
            raise DataError(
                f"the adversarial images are {tuple(self.adversarial.shape)}, the clean ones "
                f"{tuple(self.clean.images.shape)}; each needs its clean image in the same size"
            )

    def __len__(self) -> int:
        return len(self.clean)


def read_examples(
    adversarial: Path, clean: Path | None, labels: Path | None, preprocessing: Preprocessing | None = None
) -> Examples:
    """Read adversarial and clean images, each a folder or a file of arrays.

    Images of two folders are paired by name (without the ending), arrays by position.

    Args:
        adversarial: folder, ``.npz``, ``.pt`` or ``.safetensors``.
        clean: likewise; may be left out where the file of the adversarial ones holds them too (torchattacks'
            ``save(..., save_clean_inputs=True)``).
        labels: CSV of labels of a folder of clean images; class folders, or the labels of the file, when left out.
        preprocessing: of the source; clean photos of another size are brought to that of the adversarial images by it.

    Raises:
        DataError: what cannot be read, an adversarial image without its clean one, or no labels.
    """
    if adversarial.suffix in ARRAY_FILES:
        return _of_arrays(adversarial, clean, labels, preprocessing)
    given = read_images(list_unlabeled(adversarial))
    if clean is None:
        raise DataError("the clean images are missing: --clean FOLDER")
    if clean.suffix in ARRAY_FILES:
        raise DataError(f"{clean}: a folder of adversarial images is paired by name; give a folder of clean ones")
    originals = _folder(clean, labels, preprocessing, given.images.shape[-1])
    position = {name: i for i, name in enumerate(originals.ids)}
    missing = [name for name in given.ids if name not in position]
    if missing:
        raise DataError(f"{adversarial}: no clean image for {missing[0]!r} in {clean} ({len(missing)} such images)")
    return Examples(given.images, originals.select([position[name] for name in given.ids]))


def _of_arrays(
    adversarial: Path, clean: Path | None, labels: Path | None, preprocessing: Preprocessing | None
) -> Examples:
    given = read_arrays(adversarial)
    size = given.images.shape[-1]
    if clean is not None and clean.suffix not in ARRAY_FILES:
        originals = _folder(clean, labels, preprocessing, size)
        return Examples(given.images, originals)
    arrays = read_arrays(clean) if clean is not None else None
    pixels = arrays.images if arrays is not None else given.clean
    known = given.labels if given.labels is not None else arrays.labels if arrays is not None else None
    if pixels is None:
        raise DataError(f"{adversarial}: holds no clean images; give them with --clean")
    if known is None:
        raise DataError(f"{adversarial}: no labels, neither in it nor beside the clean images")
    rounded = rounding(pixels)
    names = [f"{i:05d}" for i in range(len(rounded))]
    return Examples(given.images, ImageSet.from_arrays(rounded, known, names))


def _folder(clean: Path, labels: Path | None, preprocessing: Preprocessing | None, size: int) -> ImageSet:
    """Clean photos; as they are where that fits, else framed as the source frames its photos."""
    listing = list_images(clean, labels)
    try:
        found = read_images(listing)
    except DataError:
        if preprocessing is None or preprocessing.size != size:
            raise
        return read_images(listing, preprocessing)
    if found.images.shape[-1] != size and preprocessing is not None and preprocessing.size == size:
        return read_images(listing, preprocessing)
    return found
