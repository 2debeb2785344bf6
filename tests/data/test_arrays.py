"""Which array of a file holds which images: understood where only one reading is possible, refused otherwise."""

import itertools

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from presoftmax.data import read_arrays
from presoftmax.errors import DataError

CLEAN = np.zeros((2, 3, 4, 4), dtype=np.uint8)
ADVERSARIAL = CLEAN + 7
LABELS = np.array([0, 1])

ADVERSARIAL_NAMES = ("adv_inputs", "adversarial", "adv", "x_adv", "adv_x", "adv_images", "images_adv", "adv_complete",
                     "perturbed", "adversarial_examples")  # fmt: skip
CLEAN_NAMES = ("clean_inputs", "clean", "originals", "x_clean", "original_images", "x_nat", "benign", "natural")
GENERAL_NAMES = ("images", "inputs", "x", "data")


def read(tmp_path, **arrays):
    np.savez(tmp_path / "a.npz", labels=LABELS, **arrays)
    return read_arrays(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("adversarial", "clean"), list(itertools.product(ADVERSARIAL_NAMES, CLEAN_NAMES + GENERAL_NAMES))
)
def test_the_adversarial_array_is_the_one_that_says_so(tmp_path, adversarial, clean):
    for arrays in ({clean: CLEAN, adversarial: ADVERSARIAL}, {adversarial: ADVERSARIAL, clean: CLEAN}):
        found = read(tmp_path, **arrays)
        assert found.images.unique().tolist() == [7]
        assert found.clean.unique().tolist() == [0]


@pytest.mark.parametrize(("general", "clean"), list(itertools.product(GENERAL_NAMES, CLEAN_NAMES)))
def test_a_general_name_beside_a_clean_one_is_adversarial(tmp_path, general, clean):
    found = read(tmp_path, **{general: ADVERSARIAL, clean: CLEAN})
    assert (found.images.unique().tolist(), found.clean.unique().tolist()) == ([7], [0])


@pytest.mark.parametrize("name", ADVERSARIAL_NAMES + GENERAL_NAMES)
def test_one_array_is_the_images(tmp_path, name):
    found = read(tmp_path, **{name: ADVERSARIAL})
    assert found.images.unique().tolist() == [7]
    assert found.clean is None
    assert found.labels.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("adv", "x_adv"), "adv and x_adv could each be the adversarial images"),
        (("images", "x"), "images and x could each be the images"),
        (("adv", "clean", "originals"), "clean and originals could each be the clean images"),
        (("adv", "clean", "images"), "images beside adv and clean: which images are those"),
        (("pictures",), "no images; expected an array called adversarial.*found labels, pictures"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused_by_name(tmp_path, names, words):
    with pytest.raises(DataError, match=words):
        read(tmp_path, **dict.fromkeys(names, ADVERSARIAL))


def test_predictions_are_no_images(tmp_path):
    found = read(tmp_path, images=CLEAN, adv_images=ADVERSARIAL, adv_logits=np.zeros((2, 5)), adv_labels=LABELS)
    assert found.images.unique().tolist() == [7]


def test_files_as_people_have_them(tmp_path):
    images = torch.from_numpy(ADVERSARIAL)
    np.save(tmp_path / "a.npy", ADVERSARIAL)
    torch.save([images], tmp_path / "list.pt")
    torch.save({"adv_complete": images}, tmp_path / "auto.pt")
    torch.save(images, tmp_path / "one.pt")
    save_file({"x_adv": images}, tmp_path / "a.safetensors")
    (tmp_path / "renamed.npz").write_bytes((tmp_path / "a.npy").read_bytes())
    for name in ("a.npy", "list.pt", "auto.pt", "one.pt", "a.safetensors", "renamed.npz"):
        assert read_arrays(tmp_path / name).images.unique().tolist() == [7], name
    torch.save([images, images], tmp_path / "epsilons.pt")
    with pytest.raises(DataError, match="2 tensors \\(one for each epsilon"):
        read_arrays(tmp_path / "epsilons.pt")


@pytest.mark.parametrize("content", [b"", b"\x00" * 64, b"some text", b"PK\x03\x04 cut"])
@pytest.mark.parametrize("name", ["a.npz", "a.npy", "a.pt", "a.safetensors"])
def test_files_that_are_nothing_of_the_kind(tmp_path, content, name):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=name):
        read_arrays(tmp_path / name)


@pytest.mark.parametrize("labels", [np.array([0.0, 1.7]), np.array([[0], [1]]), np.array([True, False])])
def test_labels_that_are_no_whole_numbers_are_refused(tmp_path, labels):
    np.savez(tmp_path / "a.npz", images=CLEAN, labels=labels)
    with pytest.raises(DataError, match="labels must be integers"):
        read_arrays(tmp_path / "a.npz")
