"""Real labeled photos that come with a package of the registry, for trying things out offline."""

import re
from importlib.util import find_spec
from pathlib import Path

from presoftmax.data.imageset import ImageSet
from presoftmax.data.listing import Entry, Listing
from presoftmax.data.reading import Preprocessing, read_images
from presoftmax.errors import DataError

__all__ = ["list_samples", "samples"]

_DATASETS = {"imagenet": "imagenet_*.jpg", "cifar10": "cifar10_*.png"}


def samples(name: str = "imagenet", size: int | None = None) -> ImageSet:
    """Twenty real labeled photos, from the package data of foolbox (extra ``demo``).

    Args:
        name: ``"imagenet"`` (0-based ImageNet-1k labels, torchvision's order) or ``"cifar10"``.
        size: side in pixels; 224 for ImageNet and 32 for CIFAR-10 when left out. The photos are squares already
            (one is wider and is cropped), so they are resized whole.

    Raises:
        DataError: an unknown name, or foolbox is not installed.
    """
    default_size = 224 if name == "imagenet" else 32
    return read_images(list_samples(name), Preprocessing(size or default_size))


def list_samples(name: str) -> Listing:
    """The files of `samples`."""
    if not isinstance(name, str) or name not in _DATASETS:
        raise DataError(f"no samples {name!r}; there are: {', '.join(_DATASETS)}")
    spec = find_spec("foolbox")
    if spec is None or spec.origin is None:
        raise DataError("the sample photos come with foolbox, which is not installed: pip install 'presoftmax[demo]'")
    folder = Path(spec.origin).parent / "data"
    files = sorted(folder.glob(_DATASETS[name]))
    entries = tuple(Entry(path.stem, path, _label(path)) for path in files)
    return Listing(f"the {name} samples in {folder}", entries)


def _label(path: Path) -> int:
    """The class in ``imagenet_03_990.jpg``."""
    found = re.fullmatch(r"\w+?_\d+_(\d+)", path.stem)
    if found is None:
        raise DataError(f"{path}: no label in the file name")
    return int(found[1])
