"""Files of arrays that are odd, damaged, or lie: read where one reading is possible, else named, and never unpacked."""

import io
import pickle
import re
import struct
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from presoftmax.data import _numpy_files, read_arrays
from presoftmax.errors import DataError

IMAGES = np.random.default_rng(0).integers(0, 256, (4, 3, 6, 5), dtype=np.uint8)
LABELS = np.arange(4)


def save_numpy(path, values):
    np.save(path, values)


def save_archive(path, values):
    np.savez(path, images=values)


def save_torch(path, values):
    torch.save(torch.from_numpy(np.array(values)), path)


def save_safely(path, values):
    save_file({"images": torch.from_numpy(np.array(values))}, path)


WRITERS = {"a.npy": save_numpy, "a.npz": save_archive, "a.pt": save_torch, "a.safetensors": save_safely}


def refused(path):
    with pytest.raises(DataError) as caught:
        read_arrays(path)
    text = str(caught.value)
    assert path.name in text
    assert "\n" not in text
    return text


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize(
    ("form", "expected"),
    [
        (lambda v: v, IMAGES),
        (lambda v: np.moveaxis(v, 1, 3), IMAGES),
        (lambda v: v.astype(np.int64), IMAGES),
        (lambda v: v.astype(np.int16), IMAGES),
        (lambda v: v[:, 0], IMAGES[:, :1].repeat(3, axis=1)),
        (lambda v: v[:, :1], IMAGES[:, :1].repeat(3, axis=1)),
        (lambda v: np.moveaxis(v[:, :1], 1, 3), IMAGES[:, :1].repeat(3, axis=1)),
        (lambda v: (v / 255).astype(np.float32), IMAGES / 255),
        (lambda v: v / 255, IMAGES / 255),
        (lambda v: (v / 255).astype(np.float16), (IMAGES / 255).astype(np.float16)),
    ],
)
def test_one_reading(tmp_path, name, form, expected):
    WRITERS[name](tmp_path / name, np.ascontiguousarray(form(IMAGES)))
    found = read_arrays(tmp_path / name).images
    assert found.dtype == (torch.uint8 if expected.dtype == np.uint8 else torch.float32)
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-7)


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.zeros((4, 3, 6, 5), bool), "images of bool"),
        (np.full((4, 3, 6, 5), 300), "from 300 to 300; expected uint8"),
        (np.full((4, 3, 6, 5), -1), "from -1 to -1; expected uint8"),
        (np.ones((4, 3, 6, 5), np.int64), "from 1 to 1; expected uint8"),
        (IMAGES.astype(np.float32), r"expected \[0, 1\]; divide by 255"),
        (IMAGES / 127.5 - 1, r"expected \[0, 1\]; undo the normalization"),
        (np.where(np.arange(4)[:, None, None, None] == 2, np.nan, IMAGES / 255), "NaN .* in 1 of 4 images.*image 2"),
        (np.full((4, 3, 6, 5), np.inf), "NaN or infinity in 4 of 4 images"),
        (np.float32(0.5), r"images \(\)"),
        (np.zeros((0, 3, 6, 5), np.uint8), "there is no image in it"),
        (np.zeros((4, 90)), "flat images have lost their height and width"),
        (np.zeros((2, 4, 3, 6, 5), np.uint8), "one set of images, not several"),
        (np.zeros((4, 4, 6, 5), np.uint8), "leave out the fourth channel"),
        (np.zeros((3, 6, 5), np.uint8), "one image, or 3 gray ones"),
        (np.zeros((6, 5, 3), np.uint8), "one image, or 6 gray ones"),
    ],
)  # fmt: skip
def test_no_reading_or_several(tmp_path, name, values, words):
    WRITERS[name](tmp_path / name, values)
    assert re.search(words, refused(tmp_path / name))


@pytest.mark.parametrize(
    ("saved", "labels"),
    [
        ([torch.tensor(IMAGES)], None),
        ((torch.tensor(IMAGES),), None),
        ((torch.tensor(IMAGES), torch.tensor(LABELS)), LABELS),
        ([torch.tensor(IMAGES), torch.tensor(LABELS)], LABELS),
        ({"adv_complete": torch.tensor(IMAGES)}, None),
        ({"results": {"adversarial": torch.tensor(IMAGES), "labels": torch.tensor(LABELS)}, "epsilon": 0.3}, LABELS),
        ({"adv": torch.tensor(IMAGES), "labels": [0, 1, 2, 3], "attack": "pgd"}, LABELS),
        ({"adv": [torch.tensor(IMAGES)]}, None),
    ],
)
def test_what_torch_saved(tmp_path, saved, labels):
    torch.save(saved, tmp_path / "a.pt")
    found = read_arrays(tmp_path / "a.pt")
    np.testing.assert_array_equal(found.images.numpy(), IMAGES)
    assert (found.labels is None) == (labels is None)
    assert labels is None or found.labels.tolist() == labels.tolist()


@pytest.mark.parametrize(
    "saved", [[torch.tensor(IMAGES)] * 3, (torch.tensor(IMAGES),) * 3, {"adv": [torch.tensor(IMAGES)] * 3}]
)
def test_one_tensor_for_each_epsilon_is_refused_naming_them(tmp_path, saved):
    torch.save(saved, tmp_path / "a.pt")
    assert re.search(r"\[0\] and (adv)?\[1\] and (adv)?\[2\]", refused(tmp_path / "a.pt"))


@pytest.mark.parametrize("epsilons", [1, 2])
def test_what_an_attack_of_foolbox_returns_is_refused_naming_its_tensors(tmp_path, epsilons):
    raw = clipped = [torch.tensor(IMAGES)] * epsilons
    torch.save((raw, clipped, torch.ones(epsilons, len(IMAGES), dtype=torch.bool)), tmp_path / "a.pt")
    assert re.search(r"for each epsilon.*\[0\]\[0\] and .*\[1\]\[0\]", refused(tmp_path / "a.pt"))


def test_a_pickle_is_refused_in_words(tmp_path):
    torch.save({"adv": torch.tensor(IMAGES), "set": io.StringIO}, tmp_path / "a.pt")
    assert "refused; it holds more than tensors" in refused(tmp_path / "a.pt")
    np.savez(tmp_path / "a.npz", images=np.array([{}, {}], dtype=object))
    assert "Python objects, a pickle, which is never opened" in refused(tmp_path / "a.npz")
    np.save(tmp_path / "a.npy", np.array([IMAGES, 1], dtype=object))
    assert "Python objects" in refused(tmp_path / "a.npy")
    (tmp_path / "b.npy").write_bytes(pickle.dumps([1]))
    assert "not a readable file of arrays (it is a pickle" in refused(tmp_path / "b.npy")


@pytest.mark.parametrize("name", [*WRITERS, "a.pth", "A.NPZ", "A.PT"])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "an empty file"),
        (b"\0" * 500, "nothing but zero bytes"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "a Git LFS pointer"),
        (b"<!DOCTYPE html><html>404</html>", "an HTML page"),
        (b"a,b\n1,2\n", "text, beginning with 'a,b'"),
        (b"\x1f\x8b\x08 and so on", "compressed by gzip"),
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
        (b"PK\x05\x06" + bytes(18), "archive"),
        (b"PK\x03\x04 and so on", "not a readable file of arrays (a zip archive without its end: cut off"),
    ],
)
def test_another_thing_under_that_name(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    assert words in refused(tmp_path / name)


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_what_is_cut_off(tmp_path, name, share):
    WRITERS[name](tmp_path / name, IMAGES)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: int(len(whole) * share)])
    assert re.search("cut off|EOF", refused(tmp_path / name)) or name.endswith(".safetensors")


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("other", WRITERS)
def test_the_content_says_what_a_file_is_not_its_name(tmp_path, name, other):
    WRITERS[name](tmp_path / name, IMAGES)
    (tmp_path / name).rename(tmp_path / other)
    np.testing.assert_array_equal(read_arrays(tmp_path / other).images.numpy(), IMAGES)


def npy(shape, kind="|u1", data=b"\0" * 30):
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (63 - (len(header) + 10) % 64) + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header + data


@pytest.mark.parametrize(
    "shape", [(10**15, 3, 224, 224), (2**62, 3, 2, 2), (100, 3, 8, 8), (10**30, 3, 1, 1), (-1, 3, 2, 2)]
)
def test_a_header_that_claims_more_than_there_is_is_refused_before_it_is_read(tmp_path, shape):
    (tmp_path / "a.npy").write_bytes(npy(shape))
    assert "cut off, or damaged" in refused(tmp_path / "a.npy")
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("images.npy", npy(shape))
    assert "cut off, or damaged" in refused(tmp_path / "a.npz")


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(_numpy_files, "GIB", 2**20)
    np.savez_compressed(tmp_path / "a.npz", images=np.zeros((8, 3, 256, 256), np.uint8))
    assert "zip bomb?" in refused(tmp_path / "a.npz")


def test_a_tensor_of_one_number_that_claims_to_be_huge(tmp_path):
    torch.save({"images": torch.zeros(1, dtype=torch.uint8).expand(2**40, 3, 16, 16)}, tmp_path / "a.pt")
    assert "more than half of this machine's memory" in refused(tmp_path / "a.pt")


def test_a_safetensors_header_that_lies(tmp_path):
    for content in (struct.pack("<Q", 2**60) + b"{}", struct.pack("<Q", 5) + b"{'a':", struct.pack("<Q", 100) + b"{}"):
        (tmp_path / "a.safetensors").write_bytes(content)
        assert "not a readable file of arrays" in refused(tmp_path / "a.safetensors")


def test_other_arrays_of_a_file_may_be_odd(tmp_path):
    np.savez(
        tmp_path / "a.npz", images=IMAGES, labels=LABELS, names=np.array(["a"] * 4), meta=np.array({}, dtype=object)
    )
    assert read_arrays(tmp_path / "a.npz").labels.tolist() == LABELS.tolist()


@pytest.mark.parametrize("given", [None, 3, b"a.npz", [1], object()])
def test_what_is_no_path(given):
    with pytest.raises(TypeError, match="expected a path, as text or as a Path, got"):
        read_arrays(given)


def test_a_path_is_text_or_a_path(tmp_path):
    np.savez(tmp_path / "a.npz", images=IMAGES)
    for kind in (str, lambda path: path):
        assert len(read_arrays(kind(tmp_path / "a.npz")).images) == 4
    for path in (tmp_path, tmp_path / "none.npz"):
        refused(path)
