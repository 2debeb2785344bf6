"""Images of a run: those in its folder, or those in memory; and how they become files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from presoftmax.explorer.material import Key, Pixels
from presoftmax.storage import RunFolder

__all__ = ["FolderPictures", "MemoryPictures", "png_of", "small"]


@dataclass(frozen=True)
class FolderPictures:
    """The PNGs of a run's folder; nothing outside of it, whatever links are in it.

    Attributes:
        folder: the run's.
        examples: their ids, in the order of the run.
    """

    folder: RunFolder
    examples: Sequence[str]

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self.examples)}

    def kept(self, key: Key) -> list[int]:
        """Iterations whose PNG is there."""
        if key.example not in self._numbers:
            return []
        folder = self._path(key, 0).parent
        if not self._inside(folder) or not folder.is_dir():
            return []
        files = (each for each in folder.iterdir() if each.suffix == ".png" and not each.is_symlink())
        return sorted(int(each.stem) for each in files if each.stem.isdecimal())

    def pixels(self, key: Key, iteration: int) -> Pixels | None:
        """The image of that PNG."""
        if key.example not in self._numbers:
            return None
        path = self._path(key, iteration)
        if not self._inside(path) or path.is_symlink() or not path.is_file():
            return None
        with Image.open(path) as image:
            return np.array(image.convert("RGB"))

    def _path(self, key: Key, iteration: int) -> Path:
        return self.folder.image_path(key.attack, self._numbers[key.example], key.example, iteration)

    def _inside(self, path: Path) -> bool:
        return path.resolve().is_relative_to(self.folder.path.resolve())


@dataclass(frozen=True)
class MemoryPictures:
    """Images in memory.

    Attributes:
        images: of each attack and example, by iteration, uint8 ``(3, H, W)``.
    """

    images: Mapping[tuple[str, str], Mapping[int, Tensor]] = field(repr=False)

    def kept(self, key: Key) -> list[int]:
        """Iterations whose image is there."""
        return sorted(self.images.get((key.attack, key.example), ()))

    def pixels(self, key: Key, iteration: int) -> Pixels | None:
        """That image."""
        found = self.images.get((key.attack, key.example), {}).get(iteration)
        return None if found is None else as_pixels(found)


def as_pixels(image: Tensor) -> Pixels:
    """An image uint8 ``(3, H, W)`` as pixels ``(H, W, 3)``."""
    return np.ascontiguousarray(image.permute(1, 2, 0).cpu().numpy())


def small(pixels: Pixels, side: int | None) -> Pixels:
    """An image whose longer side is at most so long."""
    height, width = pixels.shape[:2]
    if side is None or max(height, width) <= side:
        return pixels
    size = max(1, round(width * side / max(height, width))), max(1, round(height * side / max(height, width)))
    return np.array(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))


def png_of(pixels: Pixels) -> bytes:
    """An image as the bytes of a PNG."""
    file = BytesIO()
    Image.fromarray(pixels).save(file, format="PNG")
    return file.getvalue()
