"""`presoftmax audit` takes images and labels wherever they are, and names what it cannot use."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from presoftmax.workflows import run_audit
from tests.conftest import CLASSES, Tiny, make_images

NET = """
import presoftmax as ps
import torch
from tests.conftest import Tiny
def net(): return ps.Classifier(Tiny(), preprocessing=ps.Preprocessing(6), classes=list("abcdefg"))
def nameless(): return ps.Classifier(Tiny(), preprocessing=ps.Preprocessing(6))
"""
COUNT = 24
IMAGES = make_images(COUNT)
with torch.no_grad():
    LABELS = Tiny()(IMAGES.float() / 255).argmax(1)
LABELS[:6] = (LABELS[:6] + 1) % CLASSES
ACCURACY = 0.75


@pytest.fixture
def audit(cli, tmp_path):
    """Run an audit in a folder with a model and photos; gives its summary, or what it said on stderr."""
    (tmp_path / "m.py").write_text(NET)
    (tmp_path / "photos").mkdir()
    for at, image in enumerate(IMAGES):
        Image.fromarray(image.permute(1, 2, 0).numpy()).save(tmp_path / "photos" / f"{at}.png")

    def run(images, *options, model="m.py:net"):
        before = set(tmp_path.glob("presoftmax-runs/*"))
        code, out, err = cli("audit", model, images, *options, "--device", "cpu", "--json")
        if code:
            assert err.startswith("presoftmax: error: ")
            assert err.count("\n") == 1
            assert set(tmp_path.glob("presoftmax-runs/*")) == before
            return err
        return json.loads(out)

    return run


def write_table(path, labels, separator=","):
    rows = "".join(f"{at}.png{separator}{label}\n" for at, label in enumerate(labels))
    path.write_text(f"File{separator}Label\n{rows}")


WRITERS = {
    "a.npz": lambda path, images, **labels: np.savez(path, images=images, **labels),
    "clean.npz": lambda path, images, **labels: np.savez(path, adv=255 - images, clean=images, **labels),
    "a.pt": lambda path, images, **labels: torch.save(
        {"images": torch.tensor(images), **{name: torch.tensor(each) for name, each in labels.items()}}, path
    ),
    "a.safetensors": lambda path, images, **labels: save_file(
        {"images": torch.tensor(images), **{name: torch.tensor(each) for name, each in labels.items()}}, path
    ),
}
FORMS = {
    "uint8": lambda images: images,
    "floats": lambda images: (images / 255).astype(np.float32),
    "float16": lambda images: (images / 255).astype(np.float16),
    "int64": lambda images: images.astype(np.int64),
    "channels last": lambda images: np.ascontiguousarray(np.moveaxis(images, 1, 3)),
}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("form", FORMS)
def test_a_file_of_arrays_is_as_good_as_a_folder(audit, tmp_path, name, form):
    if name == "clean.npz" and form != "uint8":
        pytest.skip("255 - floats is no image")
    write_table(tmp_path / "labels.csv", LABELS.tolist())
    expected = audit("photos", "--labels", "labels.csv")
    assert expected["accuracy"] == ACCURACY
    WRITERS[name](tmp_path / name, FORMS[form](IMAGES.numpy()), labels=LABELS.numpy())
    found = audit(name)
    for score, values in expected["ranges"].items():
        assert found["ranges"][score] == pytest.approx(values, rel=1e-4, abs=1e-4)
    assert (found["accuracy"], found["images"]) == (ACCURACY, COUNT)


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.pt"])
def test_without_labels_there_is_no_accuracy(audit, tmp_path, name):
    if name == "a.npy":
        np.save(tmp_path / name, IMAGES.numpy())
    else:
        WRITERS[name](tmp_path / name, IMAGES.numpy())
    assert audit(name)["accuracy"] is None
    assert "are in it, not in a table of file names" in audit(name, "--labels", "m.py")


@pytest.mark.parametrize("kind", [str, lambda path: path])
def test_from_python_a_path_is_text_or_a_path(audit, tmp_path, monkeypatch, kind):
    write_table(tmp_path / "labels.csv", LABELS.tolist(), ";")
    done = run_audit(
        f"{tmp_path}/m.py:net", kind(tmp_path / "photos"), kind(tmp_path / "labels.csv"), "cpu", kind(tmp_path / "o")
    )
    assert done.summary["accuracy"] == ACCURACY
    for wrong in ((3, None, None), ("photos", 3, None), ("photos", None, 3)):
        images, labels, out = wrong
        with pytest.raises(TypeError, match="expected a path, as text or as a Path, got int"):
            run_audit(f"{tmp_path}/m.py:net", images, labels, "cpu", out)


@pytest.mark.parametrize("model", ["m.py:net", "m.py:nameless"])
@pytest.mark.parametrize(
    ("label", "words"),
    [
        (-1, "labels.csv:5: label -1 of '3.png' is no class; classes are counted from 0"),
        (-7, "label -7 of '3.png' is no class"),
        ("1.7", "labels.csv:5: label '1.7' of '3.png' is not a whole number"),
        ("", "labels.csv:5: label '' of '3.png'"),
        ("zebra", "labels.csv:5: label 'zebra' of '3.png' is not a whole number"),
        (CLASSES, "(are they counted from 1?)"),
        (900, "is out of range: the model has classes 0 to 6"),
    ],
)
def test_a_label_that_is_no_class_is_named(audit, tmp_path, model, label, words):
    labels = LABELS.tolist()
    write_table(tmp_path / "labels.csv", [*labels[:3], label, *labels[4:]])
    assert words in audit("photos", "--labels", "labels.csv", model=model)


@pytest.mark.parametrize("label", [-1, CLASSES, 900])
@pytest.mark.parametrize("every", [False, True])
def test_so_is_one_in_a_file_of_arrays(audit, tmp_path, label, every):
    labels = LABELS.clone()
    labels[3 if not every else slice(None)] = label
    WRITERS["a.npz"](tmp_path / "a.npz", IMAGES.numpy(), labels=labels.numpy())
    assert f"label {label} of image " in audit("a.npz")


@pytest.mark.parametrize("name", ["samples2", "samples of mine", "samples.d"])
def test_a_folder_whose_name_begins_as_that_of_the_samples_is_a_folder(audit, tmp_path, name):
    assert "no such folder or file of images" in audit(name)
    (tmp_path / "photos").rename(tmp_path / name)
    assert audit(name)["images"] == COUNT


def test_labels_of_one_class_by_name_and_what_is_left_out(audit, cli, tmp_path):
    write_table(tmp_path / "labels.csv", ["ABCDEFG"[label] for label in LABELS.tolist()], "\t")
    assert audit("photos", "--labels", "labels.csv")["accuracy"] == ACCURACY
    (tmp_path / "photos" / "broken.png").write_bytes(b"")
    code, out, _ = cli("audit", "m.py:net", "photos", "--device", "cpu")
    assert code == 0
    assert "1 files could not be used; the first: photos/broken.png: not a usable image" in out


@pytest.mark.parametrize(
    ("images", "words"),
    [("nowhere", "no such folder or file of images"), ("none.npz", "no such folder or file"),
     ("m.py", "not a folder of images"), ("samples:mnist", "no samples 'mnist'"), ("empty.npz", "it is an empty file")],
)  # fmt: skip
def test_what_holds_no_images(audit, tmp_path, images, words):
    (tmp_path / "empty.npz").write_bytes(b"")
    assert words in audit(images)
