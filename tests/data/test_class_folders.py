"""Class folders and CSVs of labels: each image gets the label that its author meant, or none at all."""

import importlib.util

import numpy as np
import pytest
from PIL import Image

import presoftmax as ps
from presoftmax.data import Preprocessing, list_images, read_images
from presoftmax.errors import DataError
from tests.conftest import Tiny

NAMES = ("cat", "dog", "eel", "fox", "gnu", "hen", "ibis", "jay", "kite", "lynx")


def write_folders(root, *names, size=(8, 8)):
    for at, name in enumerate(names):
        (root / name).mkdir(parents=True)
        Image.new("RGB", size, (at, at, at)).save(root / name / f"{at}.png")
    return root


def labels_of(root, **how):
    return {entry.path.parent.name: entry.label for entry in list_images(root, **how).entries}


@pytest.mark.parametrize(
    ("folders", "class_names", "labels"),
    [
        (("0", "3", "10"), None, (0, 3, 10)),
        (("00", "03"), None, (0, 3)),
        (("eel", "jay"), NAMES, (2, 7)),
        (("1", "2"), NAMES, (1, 2)),
        (NAMES, None, tuple(range(10))),
        (("b", "a"), None, (1, 0)),
    ],
)
def test_a_folder_is_the_class_that_its_name_says(tmp_path, folders, class_names, labels):
    write_folders(tmp_path, *folders)
    assert labels_of(tmp_path, class_names=class_names) == dict(zip(folders, labels, strict=True))


@pytest.mark.parametrize(
    ("folders", "class_names", "words"),
    [
        (tuple(map(str, range(1, 11))), NAMES, "numbered from 1 to 10; classes are counted from 0"),
        (("crane", "dog"), ("crane", "dog", "crane"), "'crane' is the name of the classes 0 and 2"),
        (("cat", "unicorn"), NAMES, "2 class folders for 10 classes"),
        (("n01440764", "n00000000"), None, "n00000000 is no class of ImageNet-1k"),
    ],
)
def test_a_name_that_says_no_class_is_refused(tmp_path, folders, class_names, words):
    if folders[0].startswith("n0"):
        pytest.importorskip("timm")
    write_folders(tmp_path, *folders)
    with pytest.raises(DataError, match=words):
        list_images(tmp_path, class_names=class_names)


def test_a_part_of_imagenets_folders_are_the_classes_of_their_ids(tmp_path):
    pytest.importorskip("timm")
    write_folders(tmp_path, "n01440764", "n01443537", "n15075141", "n02099601")
    expected = {"n01440764": 0, "n01443537": 1, "n15075141": 999, "n02099601": 207}
    assert labels_of(tmp_path) == expected
    assert labels_of(tmp_path, class_names=NAMES) == expected


def test_without_timm_a_part_of_imagenets_folders_is_refused(tmp_path, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr("presoftmax.data._labels.find_spec", lambda name: None if name == "timm" else found(name))
    write_folders(tmp_path, "n01440764", "n15075141")
    with pytest.raises(DataError, match=r"2 of ImageNet's class folders; .*pip install 'presoftmax\[timm\]'"):
        list_images(tmp_path)


def test_folders_numbered_by_their_order_are_as_many_as_the_classes_of_the_model(tmp_path):
    photos = read_images(list_images(write_folders(tmp_path, "apple", "pear", "plum", size=(6, 6))))
    photos.check_labels(3)
    for classes in (2, 10, 1000):
        with pytest.raises(DataError, match=f"3 class folders, in the order of their names.* {classes} classes"):
            photos.check_labels(classes)
    with pytest.raises(DataError, match="3 class folders"):
        photos.select([0, 1]).check_labels(10)
    with pytest.raises(DataError, match="3 class folders"):
        ps.trace(ps.attacks.over_optimized(2, 0.1), Tiny(0), photos)


def test_a_photo_is_turned_as_its_camera_was_held(tmp_path):
    upright = np.zeros((6, 4, 3), dtype=np.uint8)
    upright[:2] = 250
    (tmp_path / "0").mkdir()
    for orientation, turned in ((1, upright), (6, np.rot90(upright, 1)), (3, np.rot90(upright, 2))):
        image = Image.fromarray(np.ascontiguousarray(turned))
        exif = Image.Exif()
        exif[274] = orientation
        image.save(tmp_path / "0" / f"{orientation}.png", exif=exif)
    photos = read_images(list_images(tmp_path))
    assert photos.images.shape == (3, 3, 6, 4)
    assert all((each == photos.images[0]).all() for each in photos.images)


def test_a_photo_is_resized_whole_or_cropped(tmp_path):
    wide = np.zeros((8, 16, 3), dtype=np.uint8)
    wide[:, :4] = 255
    (tmp_path / "0").mkdir()
    Image.fromarray(wide).save(tmp_path / "0" / "wide.png")
    listing = list_images(tmp_path)
    whole = read_images(listing, Preprocessing(8, crop=False)).images
    cropped = read_images(listing, Preprocessing(8)).images
    assert whole.shape == cropped.shape == (1, 3, 8, 8)
    assert whole[..., 0].min() > 200
    assert cropped.max() == 0
