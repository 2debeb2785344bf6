"""Images and labels in, and what cannot be used named."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import presoftmax as ps
from presoftmax.data import Preprocessing, stream_images
from presoftmax.errors import DataError
from tests.conftest import make_images


def write(path: Path, array, mode=None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(array, dtype=np.uint8) if mode is None else array).save(path)


@pytest.fixture
def folder(tmp_path):
    """Two good images, a gray one, an opaque and a transparent RGBA one, a 16-bit one and a corrupt one."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (6, 6, 3))
    write(tmp_path / "a.png", pixels)
    write(tmp_path / "b.png", 255 - pixels)
    write(tmp_path / "gray.png", pixels[:, :, 0])
    write(tmp_path / "opaque.png", np.dstack([pixels, np.full((6, 6), 255)]))
    write(tmp_path / "clear.png", np.dstack([pixels, np.full((6, 6), 9)]))
    write(tmp_path / "deep.png", pixels[:, :, 0].astype(np.uint16) * 256, mode="I;16")
    whole = (tmp_path / "a.png").read_bytes()
    (tmp_path / "corrupt.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.png").write_text("no image")
    names = ("a", "b", "gray", "opaque", "clear", "deep", "corrupt", "text")
    (tmp_path / "labels.csv").write_text("image_id,true_label\n" + "".join(f"{n},{i}\n" for i, n in enumerate(names)))
    return tmp_path, pixels


def test_a_folder_with_a_csv(folder):
    root, pixels = folder
    found = ps.read_images(ps.list_images(root, root / "labels.csv"))
    assert found.ids == ("a", "b", "gray", "opaque")
    assert found.labels.tolist() == [0, 1, 2, 3]
    assert found.images.dtype == torch.uint8
    np.testing.assert_array_equal(found.images[0].permute(1, 2, 0), pixels)
    np.testing.assert_array_equal(found.images[3].permute(1, 2, 0), pixels)
    assert (found.images[2] == found.images[2][:1]).all()
    reasons = {Path(entry.file).name: entry.reason for entry in found.skipped}
    assert set(reasons) == {"clear.png", "deep.png", "corrupt.png", "text.png"}
    assert reasons["clear.png"].startswith("transparent")
    assert "only images of 8 bits" in reasons["deep.png"]
    assert reasons["text.png"].startswith("not a usable image")
    assert reasons["corrupt.png"].startswith("could not be decoded")


def test_nothing_left_is_an_error_that_names_the_first_reason(folder):
    root, _ = folder
    for name in ("a", "b", "gray", "opaque"):
        (root / f"{name}.png").unlink()
    (root / "labels.csv").write_text("file,label\ncorrupt.png,1\ntext.png,0\n")
    with pytest.raises(DataError, match=r"no usable image of 2; the first: .*corrupt.png: could not be decoded"):
        ps.read_images(ps.list_images(root, root / "labels.csv"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,label\nmissing.png,1\n", r"labels.csv:2: no image 'missing.png'"),
        ("file,label\na.png,1\nb.png,cat\n", r"labels.csv:3: label 'cat' of 'b.png' is not a whole number"),
        ("name,label\na.png,1\n", "no column of file names; expected one of file, "),
        ("file\na.png\n", "no column of labels"),
        ("", "no column of file names"),
    ],
)
def test_a_bad_csv_is_named_by_its_line(folder, text, message):
    root, _ = folder
    (root / "labels.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        ps.list_images(root, root / "labels.csv")


def test_missing_and_empty_folders(tmp_path):
    with pytest.raises(DataError, match="not a folder of images"):
        ps.list_images(tmp_path / "nowhere")
    with pytest.raises(DataError, match="no images in class folders; for a flat folder give a CSV"):
        ps.list_images(tmp_path)
    (tmp_path / "labels.csv").write_text("file,label\na.png,0\n")
    with pytest.raises(DataError, match="no images"):
        ps.list_images(tmp_path, tmp_path / "labels.csv")
    with pytest.raises(DataError, match="no such CSV"):
        ps.list_images(tmp_path, tmp_path / "none.csv")


def test_class_folders_by_number_by_name_and_in_sorted_order(tmp_path):
    for name in ("7", "12"):
        write(tmp_path / "numbers" / name / "x.png", np.zeros((4, 4, 3)))
    for name in ("dog", "cat"):
        write(tmp_path / "names" / name / "x.png", np.zeros((4, 4, 3)))
    by_number = ps.list_images(tmp_path / "numbers")
    assert [(entry.id, entry.label) for entry in by_number.entries] == [("12/x", 12), ("7/x", 7)]
    by_name = ps.list_images(tmp_path / "names", class_names=["bird", "dog", "cat"])
    assert {entry.id: entry.label for entry in by_name.entries} == {"cat/x": 2, "dog/x": 1}
    in_order = ps.list_images(tmp_path / "names")
    assert {entry.id: entry.label for entry in in_order.entries} == {"cat/x": 0, "dog/x": 1}
    with pytest.raises(DataError, match="2 class folders for 3 classes"):
        ps.list_images(tmp_path / "names", class_names=["a", "b", "c"])


def test_framing_resizes_the_shorter_side_and_crops_the_center():
    wide = Image.fromarray(np.tile(np.arange(40, dtype=np.uint8)[None, :, None], (20, 1, 3)))
    framed = np.asarray(Preprocessing(10, resize=20).apply(wide))
    assert framed.shape == (10, 10, 3)
    assert framed[0, :, 0].tolist() == list(range(15, 25))
    assert Preprocessing(8).apply(wide).size == (8, 8)
    assert Preprocessing(None).apply(wide) is wide


def test_images_of_different_sizes_need_a_size(tmp_path):
    write(tmp_path / "0" / "a.png", np.zeros((4, 4, 3)))
    write(tmp_path / "0" / "b.png", np.zeros((5, 4, 3)))
    listing = ps.list_images(tmp_path)
    with pytest.raises(DataError, match=r"b.png: 4x5 pixels where a.png has 4x4; give a size"):
        ps.read_images(listing)
    with pytest.raises(DataError, match="images of different sizes"):
        ps.ImageSet.concatenate("there", stream_images(listing, chunk=1))
    assert ps.read_images(listing, Preprocessing(4)).images.shape == (2, 3, 4, 4)


def test_ids_of_arrays_are_their_content():
    images = make_images(3)
    first = ps.ImageSet.from_arrays(images, [0, 1, 2])
    turned = ps.ImageSet.from_arrays(images.flip(0).numpy(), np.array([2, 1, 0]))
    assert turned.ids == first.ids[::-1]
    twins = ps.ImageSet.from_arrays(images[[0, 0]], [1, 1])
    assert twins.ids == (first.ids[0], f"{first.ids[0]}-2")


def test_arrays_that_do_not_fit():
    images = make_images(2)
    for arguments, message in (
        ((images[:, :1], [0, 0]), r"uint8 \(N, 3, H, W\)"),
        ((images.float(), [0, 0]), "got float32"),
        ((images, [0]), r"labels must be int64 \(2,\)"),
        ((images, [0.5, 1.0]), "labels must be integers"),
        ((images, [0, 0], ["x", "x"]), "the id 'x' is used for more than one image"),
        ((images, [0, 0], ["x"]), "1 ids for 2 images"),
    ):
        with pytest.raises(DataError, match=message):
            ps.ImageSet.from_arrays(*arguments)


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (None, "got a NoneType that is none"),
        ("photos", "got 'photos'"),
        (7, "got one number, 7"),
        ([None, None], "got a list that is none"),
        ([], r"got float32 \(0,\)"),
        (make_images(2).long(), r"int64 .*images\.to\(torch\.uint8\)"),
        (make_images(2)[:, :1], r"images\.expand\(-1, 3, -1, -1\)"),
        (make_images(2).permute(0, 2, 3, 1), r"images\.permute\(0, 3, 1, 2\)"),
        (make_images(1)[0], r"images\[None\]"),
        (torch.full((2, 3, 4, 4), 0.5), "0.50 grey levels off the 8-bit ones"),
        (make_images(2).float() / 255 * 4 - 2, "got float32"),
        (torch.full((2, 3, 4, 4), float("nan")), "got float32"),
    ],
)
def test_images_of_another_form_are_told_how_to_become_these(images, words):
    with pytest.raises(DataError, match=words):
        ps.ImageSet.from_arrays(images, [0, 0])


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (None, "got a NoneType that is none"),
        ("cat", "got 'cat'"),
        (["0", "1"], "got a list that is none"),
        ([0, None], "got a list that is none"),
        (np.array([0, 1], dtype=object), "got a ndarray that is none"),
        (3, r"one per image, got int64 \(\)"),
        ([True, False], "labels must be integers, got bool"),
    ],
)
def test_labels_of_another_form_are_named(labels, words):
    with pytest.raises(DataError, match=words):
        ps.ImageSet.from_arrays(make_images(2), labels)


@pytest.mark.parametrize("kind", [torch.float16, torch.float32, torch.float64])
def test_floats_that_stand_for_grey_levels_become_these(kind):
    images = make_images(2)
    found = ps.ImageSet.from_arrays((images.double() / 255).to(kind), [0, 1])
    assert torch.equal(found.images, images)
    assert found.ids == ps.ImageSet.from_arrays(images, [0, 1]).ids


@pytest.mark.parametrize("name", [None, 3, ["imagenet"], Path("imagenet"), "Imagenet"])
def test_samples_that_there_are_not(name):
    with pytest.raises(DataError, match="there are: imagenet, cifar10"):
        ps.samples(name)


def test_samples_unpack_into_images_and_labels():
    pytest.importorskip("foolbox")
    images, labels = ps.samples("imagenet")
    assert images.shape == (20, 3, 224, 224)
    assert labels[:3].tolist() == [243, 559, 438]
    assert ps.samples("cifar10").images.shape == (20, 3, 32, 32)
    with pytest.raises(DataError, match="no samples 'mnist'; there are: imagenet, cifar10"):
        ps.samples("mnist")


@pytest.mark.parametrize("given", ["folder", Path("folder"), 3, None, [1], torch.zeros(1)])
def test_what_is_read_is_a_listing(given):
    words = r"expected the listing of a folder, got .*: list_images\(FOLDER, LABELS\) gives one"
    with pytest.raises(TypeError, match=words):
        ps.read_images(given)


@pytest.mark.parametrize("given", [224, "224", (224, 224)])
def test_how_it_is_brought_to_a_size_is_a_preprocessing(folder, given):
    root, _ = folder
    with pytest.raises(TypeError, match=r"expected a Preprocessing, such as Preprocessing\(224\), got"):
        ps.read_images(ps.list_images(root, str(root / "labels.csv")), given)


@pytest.mark.parametrize("field", ["size", "resize"])
@pytest.mark.parametrize("value", ["224", 2.5, True, (224, 224), 0, -3])
def test_sizes_are_whole_numbers_of_pixels(field, value):
    with pytest.raises((TypeError, ValueError), match=f"{field} is "):
        Preprocessing(**{"size": 8, field: value})
    with pytest.raises(ValueError, match="interpolation is bilinear or bicubic, got 'nearest'"):
        Preprocessing(8, interpolation="nearest")
    assert Preprocessing(np.int64(8)).size == 8
