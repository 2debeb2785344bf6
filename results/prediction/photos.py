"""One folder of the photos of two collections, for more that every model gets right.

    python results/prediction/photos.py DATA/nips17 FOLDER

Copies the photos of the NIPS 2017 adversarial competition's development set (``DATA/nips17/images`` and ``images.csv``)
and foolbox's twenty ImageNet photos (extra ``demo``) to ``FOLDER/images``, with ``FOLDER/labels.csv``.
"""

import csv
import shutil
import sys
from importlib.resources import files
from pathlib import Path


def main(nips17: Path, folder: Path) -> None:
    images = folder / "images"
    images.mkdir(parents=True)
    with (nips17 / "images.csv").open(encoding="utf-8") as file:
        rows = [(f"{row['image_id']}.png", row["true_label"]) for row in csv.DictReader(file)]
    for name, _ in rows:
        shutil.copyfile(nips17 / "images" / name, images / name)
    for photo in sorted((Path(str(files("foolbox"))) / "data").glob("imagenet_*.jpg")):
        shutil.copyfile(photo, images / photo.name)
        rows.append((photo.name, photo.stem.rpartition("_")[2]))
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("filename", "label"), *rows])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
