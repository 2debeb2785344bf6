"""Finished adversarial examples, judged: what survives, what is disguised, what does harm."""

import json
import os
import pickle
import zipfile

import numpy as np
import polars as pl
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

import presoftmax as ps
from presoftmax import attacks
from presoftmax.data import Preprocessing
from presoftmax.data.arrays import read_arrays
from presoftmax.errors import DataError, ModelError
from presoftmax.models import Classifier
from presoftmax.strength import DISTORTIONS, Examples, measure, read_examples
from tests.conftest import Tiny, make_images, make_set

COUNT = 40


@pytest.fixture(scope="module")
def case():
    network = Classifier(Tiny(0), name="tiny")
    return network, make_set(network, COUNT)


def attacked(case, attack, mode="straight-through"):
    network, photos = case
    return ps.trace(attack(discretization=mode), network, photos)


def strong(discretization):
    return attacks.over_optimized(60, 0.05, discretization)


def weak(discretization):
    """Steps of a third of a grey level: what crosses the line does so between two grey levels."""
    return attacks.bim(3, epsilon=1.2 / 255, alpha=0.4 / 255, discretization=discretization)


def disguised(discretization):
    return attacks.multi_class(200, 2, (0.005, 0.01), "level", discretization)


def test_what_dies_when_it_is_saved_is_reported_and_what_was_made_to_be_saved_does_not(case):
    network, photos = case
    floats = attacked(case, weak, "final").float_images
    found = measure(Examples(floats, photos), network)
    died = found.strength.filter(pl.col("fooled_as_given") & ~pl.col("fooled"))
    assert died.height > 0
    assert set(died["verdict"]) == {"not adversarial after saving"}
    assert found.off_lattice > 0.1
    saved = measure(Examples(attacked(case, weak).images, photos), network)
    assert "not adversarial after saving" not in set(saved.strength["verdict"])
    assert saved.off_lattice == 0


def test_a_disguised_example_is_low_by_confidence_and_high_by_strength(case):
    network, photos = case
    hidden = attacked(case, disguised).images
    plain = attacked(case, lambda discretization: attacks.over_optimized(6, 0.02, discretization)).images
    half = COUNT // 2
    mixed = torch.cat([hidden[:half], plain[half:]])
    table = measure(Examples(mixed, photos), network).strength
    ours, theirs = table.head(half), table.tail(half)
    fooled = theirs.filter("fooled")
    assert ours["rank"].mean() < fooled["rank"].mean()
    assert ours["rank_by_confidence"].mean() > fooled["rank_by_confidence"].mean()
    assert ours["disguised"].mean() > 0.5
    assert "looks weak at" in ours.filter("disguised")["because"][0]
    assert set(ours.filter("disguised")["verdict"]) == {"crosses deeply"}


def test_the_numbers_are_those_of_the_scores(case):
    network, photos = case
    images = attacked(case, strong).images
    victim = Tiny(5)
    found = measure(Examples(images, photos), network, [Classifier(victim, name="v")])
    with torch.no_grad():
        logits = network(images)
    facts = ps.scores.Facts(labels=photos.labels)
    for name in ("confidence", "ca1", "log_odds", "misclassification_log_odds", "best_group_log_odds"):
        expected = ps.scores.compute(name, logits, facts).numpy()
        assert np.allclose(found.strength[name].to_numpy(), expected, rtol=1e-4, atol=1e-4), name
    delta = images.double() - photos.images.double()
    assert np.allclose(found.strength["l2"].to_numpy(), delta.flatten(1).norm(dim=1).numpy())
    assert found.strength["linf"].max() == delta.abs().max()
    with torch.no_grad():
        wrong = victim(images.float() / 255).argmax(1) != photos.labels
    assert found.transfers["misclassified"].to_list() == wrong.tolist()
    assert found.clean_accuracy == 1
    assert sorted(found.strength["rank"])[0] == 1
    assert found.strength["over_optimized"].any()


def test_channels_are_what_they_say():
    images = make_images(2, size=16)
    floats = images.float() / 255
    assert torch.equal(DISTORTIONS["rounding"](floats + 0.4 / 255 * (floats < 0.9)), images)
    assert torch.equal(DISTORTIONS["truncation"]((floats + 0.9 / 255).clamp(0, 1)), DISTORTIONS["rounding"](floats))
    assert torch.equal(DISTORTIONS["png"](floats), images)
    for name in ("jpeg95", "jpeg75", "resize"):
        assert DISTORTIONS[name](images).shape == images.shape
        assert not torch.equal(DISTORTIONS[name](images), images)
    far, near = ((DISTORTIONS[n](images).float() - images.float()).abs().mean() for n in ("jpeg75", "jpeg95"))
    assert far > near


def write(kind, path, adversarial, photos):
    if kind == "npz":
        np.savez(path, adv=adversarial.numpy(), labels=photos.labels.numpy(), clean=photos.images.numpy())
    elif kind == "safetensors":
        save_file({"adversarial": adversarial, "labels": photos.labels, "clean": photos.images}, path)
    else:
        clean = photos.images.float() / 255
        torch.save(
            {"adv_inputs": adversarial, "labels": photos.labels, "clean_inputs": clean, "save_type": "float"}, path
        )


@pytest.mark.parametrize("kind", ["npz", "pt", "safetensors"])
@pytest.mark.parametrize("as_float", [False, True])
def test_files_of_arrays(case, tmp_path, kind, as_float):
    _, photos = case
    images = make_images(COUNT, seed=4)
    path = tmp_path / f"adv.{kind}"
    write(kind, path, images.float() / 255 if as_float else images, photos)
    examples = read_examples(path, None, None)
    assert torch.equal(examples.clean.images, photos.images)
    assert torch.equal(examples.clean.labels, photos.labels)
    assert torch.equal(DISTORTIONS["rounding"](examples.adversarial), images)


def test_folders_are_paired_by_name(case, tmp_path):
    _, photos = case
    adversarial = make_images(COUNT, seed=4)
    for folder, images in (("adv", adversarial), ("clean", photos.images)):
        (tmp_path / folder).mkdir()
        for i, image in enumerate(images[:5]):
            Image.fromarray(image.permute(1, 2, 0).numpy()).save(tmp_path / folder / f"{9 - i}.png")
    (tmp_path / "labels.csv").write_text("file,label\n" + "".join(f"{9 - i}.png,{i}\n" for i in range(5)))
    examples = read_examples(tmp_path / "adv", tmp_path / "clean", tmp_path / "labels.csv")
    assert examples.clean.labels.tolist() == [4, 3, 2, 1, 0]
    assert torch.equal(examples.adversarial, adversarial[:5].flip(0))
    (tmp_path / "clean" / "7.png").unlink()
    (tmp_path / "labels.csv").write_text("file,label\n9.png,1\n8.png,1\n6.png,0\n5.png,0\n")
    with pytest.raises(DataError, match=r"no clean image for '7' in .* \(1 such images\)"):
        read_examples(tmp_path / "adv", tmp_path / "clean", tmp_path / "labels.csv")


def smooth(seed, height, width):
    """A photo without fine detail, so that only its framing tells one way of resizing from another."""
    coarse = np.random.default_rng(seed).integers(0, 256, (3, 4, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BILINEAR)


def write_photos(folder, photos):
    folder.mkdir()
    for at, photo in enumerate(photos):
        photo.save(folder / f"{at}.png")


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (Preprocessing(24), None),
        (Preprocessing(24, interpolation="bilinear", crop=False), "when they are resized whole, without a crop"),
    ],
)
def test_clean_photos_are_framed_as_the_adversarial_ones_were(tmp_path, made, words):
    photos = [smooth(i, 48, 96) for i in range(5)]
    (tmp_path / "labels.csv").write_text("file,label\n" + "".join(f"{i}.png,{i}\n" for i in range(5)))
    write_photos(tmp_path / "clean", photos)
    write_photos(tmp_path / "adv", [made.apply(photo) for photo in photos])
    examples = read_examples(tmp_path / "adv", tmp_path / "clean", tmp_path / "labels.csv", Preprocessing(24))
    assert examples.median_distance() == 0
    assert not examples.far_apart
    notes = " ".join(examples.notes)
    assert notes == "" if words is None else words in notes


def test_other_photos_than_the_clean_ones_are_said_to_be_far(case, tmp_path):
    _, photos = case
    write(kind="npz", path=tmp_path / "a.npz", adversarial=255 - photos.images, photos=photos)
    assert read_examples(tmp_path / "a.npz", None, None).far_apart


def test_a_file_of_clean_images_may_hold_both(case, tmp_path):
    _, photos = case
    write(kind="npz", path=tmp_path / "a.npz", adversarial=make_images(COUNT, seed=4), photos=photos)
    examples = read_examples(tmp_path / "a.npz", tmp_path / "a.npz", None)
    assert torch.equal(examples.clean.images, photos.images)


class Payload:
    def __reduce__(self):
        return (os.system, ("touch /tmp/presoftmax-payload-ran",))


@pytest.mark.parametrize("zipped", [False, True])
def test_a_pickle_with_code_is_refused_and_nothing_runs(tmp_path, zipped):
    marker = "/tmp/presoftmax-payload-ran"
    path = tmp_path / "adv.pt"
    if zipped:
        torch.save({"adv_inputs": Payload()}, path)
    else:
        path.write_bytes(pickle.dumps({"adv_inputs": Payload()}))
    with pytest.raises(DataError, match=r"adv\.pt: refused; it holds more than tensors"):
        read_arrays(path)
    array = tmp_path / "adv.npz"
    np.savez(array, images=np.array([Payload()], dtype=object))
    with pytest.raises(DataError, match="not a readable file of arrays"):
        read_arrays(array)
    assert not os.path.exists(marker)  # noqa: PTH110


def test_a_bomb_is_refused(tmp_path, case):
    (tmp_path / "adv").mkdir()
    big = Image.new("1", (20000, 20000))
    big.save(tmp_path / "adv" / "bomb.png")
    with pytest.raises(DataError, match="no usable image of 1; the first: .*bomb.png: .*DecompressionBomb"):
        read_examples(tmp_path / "adv", tmp_path / "adv", None)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"adv": torch.zeros(2, 3, 6, 6)}, "holds no clean images"),
        ({"adv": torch.zeros(2, 3, 6, 6), "clean": torch.zeros(2, 3, 6, 6)}, "no labels"),
        ({"adv": torch.full((2, 3, 6, 6), 255.0)}, r"from 255 to 255, expected \[0, 1\]; divide by 255"),
        ({"adv": torch.full((2, 3, 6, 6), -1.5)}, "undo the normalization"),
        ({"adv": torch.zeros(2, 6)}, r"images \(2, 6\); expected"),
        ({"adv": torch.zeros(2, 3, 6, 6), "labels": torch.zeros(3)}, "2 images but 3 labels"),
        ({"pictures": torch.zeros(2, 3, 6, 6)}, "no images; expected an array called adversarial.*found pictures"),
    ],
)
def test_files_that_do_not_fit(tmp_path, content, words):
    torch.save(content, tmp_path / "adv.pt")
    with pytest.raises(DataError, match=words):
        read_examples(tmp_path / "adv.pt", None, None)


def test_files_that_are_broken(tmp_path):
    for name in ("a.pt", "a.npz", "a.safetensors"):
        (tmp_path / name).write_bytes(b"\x80nothing")
        with pytest.raises(DataError, match=name):
            read_arrays(tmp_path / name)
    with zipfile.ZipFile(tmp_path / "b.pt", "w") as archive:
        archive.writestr("x", "y")
    with pytest.raises(DataError):
        read_arrays(tmp_path / "b.pt")


def test_models_of_other_classes_are_refused(case):
    network, photos = case
    with pytest.raises(ModelError, match="different numbers of classes"):
        measure(Examples(photos.images, photos), network, [Classifier(Tiny(1, classes=4), name="other")])


def test_the_command(case, tmp_path, cli):
    _, photos = case
    (tmp_path / "m.py").write_text(
        "import sys\nfrom pathlib import Path\n"
        f"sys.path.insert(0, {str(ps.__file__)!r}.rsplit('/', 3)[0])\n"
        "from tests.conftest import Tiny\nfrom presoftmax import Classifier\n"
        "CLASSES = ['<script>alert(1)</script>', *'bcdefg']\n"
        "def source():\n    return Classifier(Tiny(0), classes=CLASSES)\n"
        "def victim():\n    return Tiny(5)\n"
    )
    write("pt", tmp_path / "adv.pt", attacked(case, weak, "final").float_images, photos)
    given = ("adv.pt", "--source", "m.py:source", "--victims", "m.py:victim", "--device", "cpu")
    code, out, err = cli("score", *given, "--out", "out", "--json")
    assert code == 0
    found = json.loads(out)
    assert found["images"] == COUNT
    assert len(found["examples"]) == COUNT
    assert sum(found["levels"].values()) == COUNT
    assert list(found["survival"]) == list(DISTORTIONS)
    assert list(found["transfer"]) == ["m:victim"]
    assert "grey levels off the 8-bit lattice" in err
    page = (tmp_path / "out" / "score.html").read_text()
    assert "<script>alert" not in page
    assert pl.read_parquet(tmp_path / "out" / "strength.parquet").height == COUNT
    code, out, err = cli("score", *given, "--out", "out")
    assert (code, out) == (2, "")
    assert "exists already" in err
    code, out, _ = cli("score", *given, "--out", "again")
    assert code == 0
    assert "the source is fooled after" in out
    assert "misclassification log-odds, median" in out
    code, _, err = cli("score", "nothing.pt", "--source", "m.py:source")
    assert code == 2
    assert "nothing.pt: no such file" in err


def test_images_that_are_their_clean_ones_are_asked_about_on_the_page(case, tmp_path, cli):
    _, photos = case
    (tmp_path / "m.py").write_text(
        f"import sys\nsys.path.insert(0, {str(ps.__file__)!r}.rsplit('/', 3)[0])\n"
        "from tests.conftest import Tiny\ndef source():\n    return Tiny(0)\n"
    )
    write("npz", tmp_path / "same.npz", photos.images, photos)
    code, _, err = cli("score", "same.npz", "--source", "m.py:source", "--device", "cpu", "--out", "out")
    assert code == 0
    assert "every image is equal to its clean one" in err
    page = (tmp_path / "out" / "score.html").read_text()
    assert "are these the adversarial images?</p>" in page
