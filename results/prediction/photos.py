"""Two sets of ImageNet photos as one folder: those of the NIPS 2017 competition, and foolbox's twenty.

    python results/prediction/photos.py data/nips17 OUT

Writes ``OUT/images`` and ``OUT/labels.csv``: 180 photos, enough for 80 that SqueezeNet and four others get right.
"""

import csv
import re
import shutil
import sys
from importlib.resources import files
from pathlib import Path


def main(competition: Path, out: Path) -> None:
    images = out / "images"
    images.mkdir(parents=True)
    rows = []
    with (competition / "images.csv").open(encoding="utf-8", newline="") as table:
        for row in csv.DictReader(table):
            name = f"{row['image_id']}.png"
            shutil.copyfile(competition / "images" / name, images / name)
            rows.append((name, row["true_label"]))
    with_label = re.compile(r"imagenet_\d+_(\d+)\.jpg")
    for photo in sorted(Path(str(files("foolbox") / "data")).glob("imagenet_*.jpg")):
        if found := with_label.fullmatch(photo.name):
            shutil.copyfile(photo, images / photo.name)
            rows.append((photo.name, found[1]))
    with (out / "labels.csv").open("w", encoding="utf-8", newline="") as table:
        csv.writer(table).writerows([("filename", "label"), *rows])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
