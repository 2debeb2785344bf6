"""Are my examples still adversarial once they are files? PNGs are written, and judged as they are read again.

``python judge_folder.py`` writes ``before/``, ``after/`` and ``truth.csv``, and prints the summary. From a shell::

    presoftmax score after --clean before --labels truth.csv --source own_model.py:source
"""

from pathlib import Path

from PIL import Image
from torch import Tensor

import presoftmax as ps


def write(folder: str, images: Tensor) -> None:
    """Write uint8 images ``(N, 3, H, W)`` as PNG: a format without loss, or the attack is lost with the digits."""
    Path(folder).mkdir(exist_ok=True)
    for number, image in enumerate(images):
        Image.fromarray(image.permute(1, 2, 0).numpy()).save(f"{folder}/{number:02}.png")


if __name__ == "__main__":
    from judge import pgd
    from own_model import source
    from tiny import photos

    net, (images, labels) = source(), photos()
    adversarial = pgd(net, images / 255, labels)
    write("before", images)
    write("after", ps.attacks.to_pixels(adversarial))
    rows = [f"{number:02}.png,{label}" for number, label in enumerate(labels.tolist())]
    Path("truth.csv").write_text("\n".join(["file,label", *rows, ""]), encoding="utf-8")

    judged = ps.judge(net, "before", "after", "truth.csv")
    print(judged)
    for distortion, rows in judged.survival.group_by("distortion", maintain_order=True):
        print(f"after {distortion[0]}: {100 * rows['fooled'].mean():.0f} % still fool it")
