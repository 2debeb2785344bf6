"""Places with labeled images."""

import numpy as np
import pytest
from PIL import Image

from presoftmax.data import Preprocessing, check_location, open_pool, sample_set, shuffled
from presoftmax.errors import DataError


def picture(path, shade):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((8, 8, 3), shade, dtype=np.uint8)).save(path)


@pytest.fixture
def imagenet(tmp_path):
    """As ImageNet is laid out: val/ with folders named by synset, which sort into classes."""
    for number, synset in enumerate(("n01440764", "n01443537", "n01484850")):
        for i in range(3):
            picture(tmp_path / "val" / synset / f"ILSVRC2012_val_{number}{i}.JPEG", 10 * (number + 1))
    picture(tmp_path / "train" / "n01440764" / "elsewhere.JPEG", 5)
    return tmp_path


def test_imagenets_folder_is_its_validation_set(imagenet):
    pool = open_pool(imagenet, None, Preprocessing(None), ["tench", "goldfish", "white shark"])
    assert len(pool.ids) == 9
    images = pool.read([0, 8])
    assert images.labels.tolist() == [0, 2]
    assert images.ids == ("n01440764/ILSVRC2012_val_00", "n01484850/ILSVRC2012_val_22")


def test_a_folder_with_a_csv(imagenet):
    (imagenet / "labels.csv").write_text("file,label\nval/n01440764/ILSVRC2012_val_00.JPEG,5\n")
    pool = open_pool(imagenet, imagenet / "labels.csv", Preprocessing(4))
    assert pool.read([0]).labels.tolist() == [5]
    assert pool.read([0]).images.shape == (1, 3, 4, 4)


@pytest.mark.parametrize("last", [False, True])
def test_arrays(tmp_path, last):
    images = np.random.default_rng(0).integers(0, 256, (5, 3, 8, 8), dtype=np.uint8)
    np.savez(tmp_path / "a.npz", images=np.moveaxis(images, 1, 3) if last else images, labels=np.arange(5))
    pool = open_pool(tmp_path / "a.npz", None, Preprocessing(None))
    got = pool.read([3, 1])
    assert np.array_equal(got.images.numpy(), images[[3, 1]])
    assert (got.labels.tolist(), got.ids) == ([3, 1], ("000003", "000001"))
    assert open_pool(tmp_path / "a.npz", None, Preprocessing(6)).read([0]).images.shape == (1, 3, 6, 6)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"labels": np.arange(5)}, "no images; expected an array called"),
        ({"images": np.full((5, 3, 8, 8), 0.3003), "labels": np.arange(5)}, "off the 8-bit ones"),
        ({"images": np.zeros((5, 3, 8, 8))}, "no array of labels"),
        ({"images": np.zeros((5, 3, 8, 8)), "labels": np.arange(5) - 2}, "label -2 of image 0 is no class"),
        ({"images": np.zeros((5, 3, 8, 8), np.uint8), "labels": np.arange(4)}, "5 images but 4 labels"),
        ({"images": np.zeros((5, 3, 8, 8), np.uint8), "labels": np.zeros(5)}, "labels must be integers"),
        ({"images": np.array([{}] * 5, dtype=object), "labels": np.arange(5)}, "not a readable file of arrays"),
    ],
)
def test_arrays_that_do_not_fit(tmp_path, arrays, words):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(DataError, match=words):
        open_pool(tmp_path / "a.npz", None, Preprocessing(None))


def test_a_file_that_is_no_archive(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(DataError, match=r"a\.npz: not a readable file of arrays"):
        open_pool(tmp_path / "a.npz", None, Preprocessing(None))


def test_the_order_depends_on_seed_and_ids_alone(imagenet):
    pool = open_pool(imagenet, None, Preprocessing(None), ["a", "b", "c"])
    order = shuffled(pool, 0)
    assert sorted(order) == list(range(9))
    assert order == shuffled(pool, 0) != shuffled(pool, 1)
    named = [pool.ids[i] for i in order]
    picture(imagenet / "val" / "n01440764" / "another.JPEG", 3)
    longer = open_pool(imagenet, None, Preprocessing(None), ["a", "b", "c"])
    again = [longer.ids[i] for i in shuffled(longer, 0)]
    assert [name for name in again if "another" not in name] == named


def test_places_are_checked_before_anything_is_loaded(tmp_path):
    check_location("samples", None)
    check_location(tmp_path, None)
    with pytest.raises(DataError, match="nowhere: no such folder or file of images"):
        check_location(tmp_path / "nowhere", None)
    with pytest.raises(DataError, match=r"no\.csv: no such CSV"):
        check_location(tmp_path, tmp_path / "no.csv")


@pytest.mark.parametrize("place", ["samples2", "samples-of-mine", "samples/mine", "samplesX:cifar10"])
def test_a_folder_whose_name_begins_as_that_of_the_samples(tmp_path, monkeypatch, place):
    monkeypatch.chdir(tmp_path)
    assert sample_set(place) is None
    with pytest.raises(DataError, match="no such folder or file of images"):
        check_location(place, None)
    picture(tmp_path / place / "3" / "a.png", 9)
    check_location(place, None)
    assert open_pool(place, None, Preprocessing(None)).read([0]).labels.tolist() == [3]


def test_the_samples_by_name():
    assert [sample_set(each) for each in ("samples", "samples:", "samples:cifar10")] == [
        "imagenet",
        "imagenet",
        "cifar10",
    ]


LABELS_OF_ROWS = (
    ("int64", [0, -1, 1], "row 1: label -1 of '000001' is no class"),
    ("int64", [0, 1, None], "row 2: label 'None' of '000002' is not a whole number"),
    ("float64", [0, 1.7, 1], "row 1: label '1.7' of '000001' is not a whole number"),
    ("float64", [0, 1, float("nan")], "row 2: label 'nan'"),
    ("string", ["cat", "dog", "unicorn"], "row 2: label 'unicorn' of '000002' is not a whole number, nor a class name"),
    ("int64", [0, 1, 2], "row 2: label 2 .* is out of range"),
    ("int64", [0, 1, 1], None),
    ("float64", [0, 1, 1], None),
    ("string", ["cat", "dog", "1"], None),
)


@pytest.mark.parametrize(("kind", "labels", "words"), LABELS_OF_ROWS)
def test_labels_of_a_saved_dataset_are_classes_or_refused_by_their_row(tmp_path, kind, labels, words):
    datasets = pytest.importorskip("datasets")
    images = [Image.fromarray(np.full((8, 8, 3), 20 * i, dtype=np.uint8)) for i in range(3)]
    features = datasets.Features({"image": datasets.Image(), "label": datasets.Value(kind)})
    datasets.Dataset.from_dict({"image": images, "label": labels}, features=features).save_to_disk(tmp_path / "saved")
    pool = open_pool(tmp_path / "saved", None, Preprocessing(None), ["cat", "dog"])
    if words is None:
        assert pool.read([0, 1, 2]).labels.tolist() == [0, 1, 1]
        return
    with pytest.raises(DataError, match=words):
        pool.read([0, 1, 2])


def test_a_row_without_an_image_is_named(tmp_path):
    datasets = pytest.importorskip("datasets")
    features = datasets.Features({"image": datasets.Image(), "label": datasets.Value("int64")})
    photo = Image.fromarray(np.full((8, 8, 3), 20, dtype=np.uint8))
    rows = datasets.Dataset.from_dict({"image": [photo, None], "label": [0, 1]}, features=features)
    rows.save_to_disk(tmp_path / "saved")
    found = open_pool(tmp_path / "saved", None, Preprocessing(None)).read([0, 1])
    assert found.ids == ("000000",)
    assert found.skipped[0].file.endswith("row 1")
    assert "there is none in the row" in found.skipped[0].reason


def test_a_saved_hugging_face_dataset(tmp_path):
    datasets = pytest.importorskip("datasets")
    images = [Image.fromarray(np.full((8, 8, 3), 20 * i, dtype=np.uint8)) for i in range(4)]
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["a", "b"])})
    rows = datasets.Dataset.from_dict({"image": images, "label": [0, 1, 1, 0]}, features=features)
    rows.save_to_disk(tmp_path / "saved")
    pool = open_pool(tmp_path / "saved", None, Preprocessing(None))
    got = pool.read([2, 0])
    assert (got.labels.tolist(), got.ids) == ([1, 0], ("000002", "000000"))
    assert got.images[:, 0, 0, 0].tolist() == [40, 0]
    datasets.DatasetDict({"train": rows}).save_to_disk(tmp_path / "splits")
    with pytest.raises(DataError, match="holds the splits train"):
        open_pool(tmp_path / "splits", None, Preprocessing(None))
    datasets.Dataset.from_dict({"text": ["x"]}).save_to_disk(tmp_path / "text")
    with pytest.raises(DataError, match="no column of images; columns: text"):
        open_pool(tmp_path / "text", None, Preprocessing(None))
