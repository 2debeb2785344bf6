"""Adversarial images with the clean ones that they were made of, and their labels."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor

from presoftmax.data import (
    ARRAY_FILES,
    Arrays,
    ImageSet,
    Listing,
    Preprocessing,
    Skipped,
    as_path,
    list_images,
    list_unlabeled,
    read_arrays,
    read_images,
)
from presoftmax.errors import DataError
from presoftmax.printing import Printed
from presoftmax.strength.distortions import rounding

__all__ = ["Examples", "read_examples"]

_NO_PERTURBATION = 64.0
"""Median L-infinity distance, in grey levels, beyond which adversarial images are hardly those of their clean ones."""
_AS_THEY_ARE, _AS_THE_SOURCE = "as they are", "framed as the source frames its photos"


@dataclass(frozen=True, repr=False)
class Examples(Printed):
    """Pairs of images.

    Attributes:
        adversarial: as they were given, uint8, or float32 in [0, 1], ``(N, 3, H, W)``.
        clean: uint8 ``(N, 3, H, W)``, with labels and ids.
        notes: what a reader should know of how they were read.
    """

    adversarial: Tensor
    clean: ImageSet
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.adversarial.shape != self.clean.images.shape:
            raise DataError(
                f"the adversarial images are {tuple(self.adversarial.shape)}, the clean ones "
                f"{tuple(self.clean.images.shape)}; each needs its clean image in the same size"
            )

    def __len__(self) -> int:
        return len(self.clean)

    def median_distance(self) -> float:
        """Median over the examples of the L-infinity distance of the 8-bit image from its clean one, in grey levels."""
        off = (rounding(self.adversarial).int() - self.clean.images.int()).abs().amax(dim=(1, 2, 3))
        return float(off.median())

    @property
    def far_apart(self) -> bool:
        """Whether the pairs differ by more than any perturbation: they are hardly the same photos."""
        return self.median_distance() > _NO_PERTURBATION


def read_examples(
    adversarial: str | Path,
    clean: str | Path | None,
    labels: str | Path | None,
    preprocessing: Preprocessing | None = None,
    class_names: Sequence[str] | None = None,
) -> Examples:
    """Read adversarial and clean images, each a folder or a file of arrays.

    Images of two folders are paired by name (without the ending), arrays by position.

    Args:
        adversarial: folder, ``.npz``, ``.npy``, ``.pt`` or ``.safetensors``.
        clean: likewise; may be left out where the file of the adversarial ones holds them too (torchattacks'
            ``save(..., save_clean_inputs=True)``).
        labels: CSV of labels of a folder of clean images; class folders, or the labels of the file, when left out.
        preprocessing: of the source; clean photos of another size are brought to that of the adversarial images by it.
            Where that does not fit, the other usual ways are tried, and said in ``notes``.
        class_names: of the source, for class folders.

    Raises:
        DataError: what cannot be read, an adversarial image without its clean one, or no labels.
    """
    adversarial = as_path(adversarial, "adversarial")
    clean = None if clean is None else as_path(clean, "clean")
    if adversarial.suffix in ARRAY_FILES:
        given = read_arrays(adversarial)
        if clean is None or clean.suffix in ARRAY_FILES:
            return _of_arrays(adversarial, given, clean)
        images, names = given.images, None
        skipped: tuple[Skipped, ...] = ()
    else:
        if clean is None:
            raise DataError("the clean images are missing: --clean FOLDER")
        if clean.suffix in ARRAY_FILES:
            raise DataError(f"{clean}: a folder of adversarial images is paired by name; give a folder of clean ones")
        found = read_images(list_unlabeled(adversarial))
        images, names, skipped = found.images, found.ids, found.skipped
    listing = list_images(clean, labels, class_names)
    return _with_photos(adversarial, images, names, listing, preprocessing, skipped)


def _of_arrays(adversarial: Path, given: Arrays, clean: Path | None) -> Examples:
    arrays = read_arrays(clean) if clean is not None else None
    beside = None if arrays is None else arrays.images if arrays.clean is None else arrays.clean
    pixels = given.clean if beside is None else beside
    known = given.labels if given.labels is not None else arrays.labels if arrays is not None else None
    if pixels is None:
        raise DataError(f"{adversarial}: holds no clean images; give them with --clean")
    if known is None:
        raise DataError(f"{adversarial}: no labels, neither in it nor beside the clean images")
    rounded = rounding(pixels)
    names = [f"{i:05d}" for i in range(len(rounded))]
    return Examples(given.images, ImageSet.from_arrays(rounded, known, names))


def _with_photos(
    adversarial: Path,
    images: Tensor,
    names: Sequence[str] | None,
    listing: Listing,
    preprocessing: Preprocessing | None,
    skipped: Sequence[Skipped],
) -> Examples:
    """Adversarial images with clean photos, brought to their size in the way that fits."""
    ways = _ways(preprocessing, images.shape[-1])
    problem: DataError | None = None
    best: tuple[float, str, Examples] | None = None
    for how, way in ways:
        try:
            photos = read_images(listing, way)
            examples = Examples(images, _paired(adversarial, photos, names, listing))
        except DataError as error:
            problem = problem or error
            continue
        off = examples.median_distance()
        if best is None or off < best[0] / 2:
            usual = best
            best = (off, how, examples)
            if usual is None and not examples.far_apart:
                break
    if best is None:
        raise problem or DataError(f"{listing.origin}: no photos of the adversarial images' size")
    notes = [_unread(each) for each in (skipped, best[2].clean.skipped) if each]
    if best[1] not in (_AS_THEY_ARE, _AS_THE_SOURCE):
        notes.append(
            f"the clean photos fit the adversarial images when they are {best[1]}; they were read so. "
            "Framed as the source frames its photos they are other images"
        )
    return replace(best[2], notes=tuple(notes))


def _ways(preprocessing: Preprocessing | None, size: int) -> list[tuple[str, Preprocessing | None]]:
    """How photos are usually brought to a size: as they are, as the source does it, and otherwise."""
    source = [(_AS_THE_SOURCE, preprocessing)] if preprocessing is not None and preprocessing.size == size else []
    return [
        (_AS_THEY_ARE, None),
        *source,
        ("resized whole, without a crop", Preprocessing(size, interpolation="bilinear", crop=False)),
        ("resized by their shorter side and cropped to it", Preprocessing(size, interpolation="bilinear")),
        ("resized to 8/7 of the size and cropped", Preprocessing(size, round(size * 8 / 7), "bilinear")),
    ]


def _paired(adversarial: Path, photos: ImageSet, names: Sequence[str] | None, listing: Listing) -> ImageSet:
    if names is None:
        return photos
    position = {name: i for i, name in enumerate(photos.ids)}
    missing = [name for name in names if name not in position]
    if missing:
        where = f"{listing.origin} ({len(missing)} such images)"
        raise DataError(f"{adversarial}: no clean image for {missing[0]!r} in {where}")
    return photos.select([position[name] for name in names])


def _unread(skipped: Sequence[Skipped]) -> str:
    first = f"the first: {skipped[0].file}: {skipped[0].reason}"
    return f"{len(skipped)} images could not be read and are left out; {first}"
