"""The pictures of the examples: random ones, labeled by the source of ``own_model.py``.

``python tiny.py`` writes them for the command line and the study: ``photos/`` with ``labels.csv``, and ``images.npz``.
"""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from own_model import source


def photos(count: int = 40) -> tuple[Tensor, Tensor]:
    """Soft random pictures, uint8 ``(N, 3, 16, 16)``, and their labels ``(N,)``."""
    coarse = torch.rand(count, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    images = (F.interpolate(coarse, size=16, mode="bicubic").clamp(0, 1) * 255).to(torch.uint8)
    with torch.no_grad():
        return images, source()(images).argmax(dim=1)


if __name__ == "__main__":
    images, labels = photos()
    np.savez("images.npz", images=images.numpy(), labels=labels.numpy())
    Path("photos").mkdir(exist_ok=True)
    with Path("labels.csv").open("w", encoding="utf-8") as table:
        table.write("file,label\n")
        for number, (image, label) in enumerate(zip(images, labels.tolist(), strict=True)):
            Image.fromarray(image.permute(1, 2, 0).numpy()).save(f"photos/{number:02}.png")
            table.write(f"{number:02}.png,{label}\n")
    print(f"{len(images)} pictures of {len(labels.unique())} classes: photos/ with labels.csv, images.npz")
