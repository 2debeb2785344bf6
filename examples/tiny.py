"""Photos for the examples: random pictures, labeled by the source of ``own_model.py``.

``python tiny.py`` writes them for the command line and the study: ``photos/`` with ``labels.csv``, and ``images.npz``.
"""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from own_model import source
from torch import Tensor
from torchvision.io import write_png


def photos(count: int = 40) -> tuple[Tensor, Tensor]:
    """Soft random pictures, uint8 ``(N, 3, 16, 16)``, and their labels."""
    coarse = torch.rand(count, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    images = (F.interpolate(coarse, size=16, mode="bicubic").clamp(0, 1) * 255).to(torch.uint8)
    with torch.no_grad():
        return images, source()(images).argmax(dim=1)


def write(folder: Path) -> None:
    """Write them."""
    images, labels = photos()
    np.savez(folder / "images.npz", images=images.numpy(), labels=labels.numpy())
    (folder / "photos").mkdir(exist_ok=True)
    lines = ["file,label"]
    for number, (image, label) in enumerate(zip(images, labels.tolist(), strict=True)):
        write_png(image, str(folder / "photos" / f"{number:02}.png"))
        lines.append(f"{number:02}.png,{label}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")
    print(f"{len(images)} photos of {labels.unique().numel()} classes: photos/, labels.csv, images.npz")


if __name__ == "__main__":
    write(Path())
