"""Files of weights as trainers leave them: understood where one reading is possible, else named for what they are."""

import argparse
import pickle
import re
import struct

import pytest
import torch
from safetensors.torch import save_file

from presoftmax.errors import ModelError
from presoftmax.models import absolute_name, load_model
from presoftmax.models._weights import load_weights
from presoftmax.models.providers import Request
from tests.conftest import Tiny, make_images

TRAINED = Tiny(3)
STATE = TRAINED.state_dict()
OTHER = Tiny(4).state_dict()
OPTIMIZER = {"state": {0: {"momentum_buffer": torch.zeros(3)}}, "param_groups": [{"lr": 0.1, "params": [0, 1]}]}


def prefixed(prefix, state=None):
    return {f"{prefix}{key}": value for key, value in (state or STATE).items()}


def loaded(path):
    network = Tiny(0)
    load_weights(network, path, "tiny")
    return network.state_dict()


def is_trained(path):
    return all(torch.equal(value, STATE[key]) for key, value in loaded(path).items())


def refused(path):
    with pytest.raises(ModelError) as caught:
        loaded(path)
    assert path.name in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


PREFIXES = ("", "module.", "_orig_mod.", "model.", "net.", "module.model.", "model.module.", "_orig_mod.module.",
            "module._orig_mod.", "model.net.module.", "backbone.")  # fmt: skip
AROUND = ("", "state_dict", "model_state_dict", "model", "net", "ema", "model_ema", "weights", "params", "anything",
          "checkpoint.model", "a.b.c")  # fmt: skip


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize(
    "beside", [{}, {"epoch": 3, "best": 0.9, "name": "tiny", "optimizer": OPTIMIZER, "scheduler": {}}]
)
def test_wherever_it_is_and_whatever_stands_before_its_keys(tmp_path, prefix, around, beside):
    content = prefixed(prefix)
    for key in reversed(around.split(".") if around else []):
        content = {**beside, key: content}
    torch.save(content, tmp_path / "w.pth")
    assert is_trained(tmp_path / "w.pth")


@pytest.mark.parametrize("name", ["w.pt", "w.pth", "w.safetensors", "w.ckpt", "w.pth.tar", "weights", "w.bin"])
@pytest.mark.parametrize("write", [torch.save, save_file])
def test_what_it_is_its_content_says(tmp_path, name, write):
    write(prefixed("module."), tmp_path / name)
    assert is_trained(tmp_path / name)


def test_old_files_and_averaged_weights(tmp_path):
    torch.save(STATE, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    assert is_trained(tmp_path / "old.pth")
    torch.save({**prefixed("module."), "n_averaged": torch.tensor(3)}, tmp_path / "swa.pth")
    assert is_trained(tmp_path / "swa.pth")
    norm = torch.nn.BatchNorm2d(3)
    torch.save({key: value for key, value in norm.state_dict().items() if "tracked" not in key}, tmp_path / "bn.pth")
    load_weights(torch.nn.BatchNorm2d(3), tmp_path / "bn.pth", "bn")
    torch.save({key: value.half() for key, value in STATE.items()}, tmp_path / "half.pth")
    assert loaded(tmp_path / "half.pth")["head.weight"].dtype == torch.float32


def test_compiled_inside(tmp_path):
    inner = {f"conv._orig_mod.{key[5:]}" if key.startswith("conv.") else key: value for key, value in STATE.items()}
    torch.save(inner, tmp_path / "w.pth")
    assert is_trained(tmp_path / "w.pth")


@pytest.mark.parametrize("part", ["conv.", "head."])
def test_data_parallel_inside(tmp_path, part):
    inner = {f"{part}module.{key[5:]}" if key.startswith(part) else key: value for key, value in STATE.items()}
    torch.save({"state_dict": inner}, tmp_path / "w.pth")
    assert is_trained(tmp_path / "w.pth")


def test_a_module_that_is_called_so_keeps_its_name(tmp_path):
    network = torch.nn.Sequential()
    network.add_module("a", torch.nn.Module())
    network.a.module = torch.nn.Linear(2, 2)
    torch.save(network.state_dict(), tmp_path / "w.pth")
    load_weights(network, tmp_path / "w.pth", "a.module")


def test_weights_of_nan_are_no_two_candidates(tmp_path):
    torch.save({key: value * float("nan") for key, value in STATE.items()}, tmp_path / "w.pth")
    assert loaded(tmp_path / "w.pth")["head.weight"].isnan().all()


def test_of_several_the_one_that_fits(tmp_path):
    torch.save({"model": STATE, "teacher": {"other": torch.zeros(3)}}, tmp_path / "w.pth")
    assert is_trained(tmp_path / "w.pth")
    torch.save({"model": STATE, "ema": prefixed("module.")}, tmp_path / "w.pth")
    assert is_trained(tmp_path / "w.pth")
    torch.save({"model": STATE, "ema": prefixed("module.", OTHER)}, tmp_path / "w.pth")
    assert "'model' and 'ema' could each be the weights, and they differ" in refused(tmp_path / "w.pth")


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({**STATE, "extra.weight": torch.zeros(1)}, "not the weights of tiny .unexpected ones: extra.weight"),
        ({k: v for k, v in STATE.items() if k != "head.bias"}, "Missing keys: head.bias"),
        (Tiny(0, classes=12).state_dict(), "it has 12 classes, the model 7: add &classes=12"),
        ({**STATE, "conv.weight": torch.zeros(8, 1, 3, 3)}, r"conv.weight has \(8, 1, 3, 3\) where \(8, 3, 3, 3\)"),
        ({"other": torch.zeros(1)}, "Missing keys: conv.weight, conv.bias and 2 more; unexpected ones: other"),
    ],
)
@pytest.mark.parametrize("prefix", ["", "module."])
def test_what_does_not_fit_is_said(tmp_path, state, words, prefix):
    torch.save({"model": prefixed(prefix, state)}, tmp_path / "w.pth")
    assert re.search(words, refused(tmp_path / "w.pth"))


@pytest.mark.parametrize(
    ("saved", "words"),
    [
        (TRAINED, "refused, it holds more than tensors .*Tiny.*torch.save.model.state_dict"),
        ({"model": TRAINED}, "refused, it holds more than tensors .*Tiny"),
        ({"model": STATE, "args": argparse.Namespace(lr=1)}, "more than tensors .argparse.Namespace"),
        ([1, 2], "holds no state dict of tensors but list"),
        ({}, "holds no state dict of tensors but a dict of"),
        ({"epoch": 3, "optimizer": OPTIMIZER}, "but a dict of epoch, optimizer"),
        (torch.zeros(3), "holds no state dict of tensors but Tensor"),
        ([STATE], "holds no state dict of tensors but list"),
    ],
)
def test_what_torch_saved_instead(tmp_path, saved, words):
    torch.save(saved, tmp_path / "w.pth")
    assert re.search(words, refused(tmp_path / "w.pth"))


def test_a_program_is_no_weights(tmp_path):
    torch.jit.script(torch.nn.Linear(2, 2)).save(tmp_path / "w.pt")
    assert "a TorchScript program, not weights" in refused(tmp_path / "w.pt")


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors", "w.ckpt"])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it is an empty file"),
        (b"\0" * 99, "it is nothing but zero bytes"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
            "it is a Git LFS pointer.*git lfs pull",
        ),
        (b"<!DOCTYPE html><html></html>", "it is an HTML page"),
        (b"<html>", "it is an HTML page"),
        (b"weights of the best run", "it is text, beginning with 'weights of the best run'"),
        (b"\x93NUMPY\1\0", r"it is a NumPy array \(.npy\)"),
        (b"\x89HDF\r\n", "it is an HDF5 file"),
        (b"PK\x03\x04 cut", "not a weights file"),
        (struct.pack("<Q", 2**50) + b"{}", "not a weights file"),
        (struct.pack("<Q", 9) + b'{"a": 1', "not a weights file"),
        (pickle.dumps({"a": 1})[:-3], ""),
    ],
)
def test_another_thing_under_that_name(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    assert re.search(words, refused(tmp_path / name))


def test_a_folder_and_no_file(tmp_path):
    (tmp_path / "w.pth").mkdir()
    assert "w.pth: a folder, not a weights file" in refused(tmp_path / "w.pth")
    assert "no such weights file" in refused(tmp_path / "none.pth")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("write", [torch.save, save_file])
def test_what_is_cut_off(tmp_path, write, share):
    write(dict(STATE), tmp_path / "w.pth")
    whole = (tmp_path / "w.pth").read_bytes()
    (tmp_path / "w.pth").write_bytes(whole[: int(len(whole) * share)])
    words = refused(tmp_path / "w.pth")
    assert write is save_file or "cut off" in words


@pytest.mark.parametrize("options", ["?", "?weights", "?weights&classes", "?="])
@pytest.mark.parametrize("folder", ["a", "a?b"])
def test_options_that_are_none(tmp_path, folder, options):
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "net.py").write_text(NET)
    with pytest.raises(ModelError, match=r"options are written \?weights=FILE"):
        load_model(f"{tmp_path}/{folder}/net.py:Tiny{options}", "cpu")


def test_other_classes_for_a_function_of_ones_own(tmp_path):
    (tmp_path / "net.py").write_text(NET)
    torch.save({**STATE, "head.weight": torch.zeros(9, 288), "head.bias": torch.zeros(9)}, tmp_path / "w.pth")
    with pytest.raises(ModelError, match=r"it has 9 classes, the model 7: make it with 9\)"):
        load_model(f"{tmp_path}/net.py:Tiny?weights={tmp_path}/w.pth", "cpu")


NASTY = ("a b.pth", "a+b.pth", "a&b.pth", "a%b.pth", "a%20b.pth", "a#b.pth", "a?b.pth", "ü 猫.pth", "a=b.pth",
         "a&b=c.pth", "a?b=c.pth", "100%.pth", "a;b.pth", "'a'.pth", "a&weights.pth", "d?x/w.pth",
         "+&%#? .pth")  # fmt: skip


@pytest.mark.parametrize("name", NASTY)
@pytest.mark.parametrize("more", ["", "&classes=7"])
def test_any_name_of_a_weights_file(tmp_path, monkeypatch, name, more):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"x")
    for spec in (f"torchvision/alexnet?weights={path}{more}", f"torchvision/alexnet?weights={name}{more}"):
        request = Request.parse(spec)
        assert request.path == "torchvision/alexnet"
        assert request.weights_file().absolute() == path
        assert request.num_classes() == (7 if more else None)
        again = absolute_name(spec)
        assert again == absolute_name(again) == f"torchvision/alexnet?weights={path}{more}"
        assert Request.parse(again).weights_file() == path


def test_a_name_written_as_in_a_url(tmp_path):
    (tmp_path / "a b.pth").write_bytes(b"x")
    for name in ("a%20b.pth", "a+b.pth"):
        assert Request.parse(f"timm/x?weights={tmp_path}/{name}").weights_file() == tmp_path / "a b.pth"
    (tmp_path / "a+b.pth").write_bytes(b"x")
    assert Request.parse(f"timm/x?weights={tmp_path}/a+b.pth").weights_file() == tmp_path / "a+b.pth"


NET = """
import torch
import presoftmax as ps
class Tiny(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 8, 3, padding=1)
        self.head = torch.nn.Linear(288, 7)
    def forward(self, x):
        return self.head(torch.tanh(self.conv(x)).flatten(1))
def wrapped(): return ps.Classifier(Tiny())
def black(): return print
"""


@pytest.mark.parametrize("folder", ["a?b", "a b", "ü&c", "100%", "a?weights=b", "a?b=c&d=e"])
@pytest.mark.parametrize("name", ["Tiny", "wrapped"])
def test_weights_for_a_network_of_ones_own(tmp_path, folder, name):
    (tmp_path / folder).mkdir()
    file, weights = tmp_path / folder / "net.py", tmp_path / folder / "w&x.pth"
    file.write_text(NET)
    torch.save({"state_dict": prefixed("module.")}, weights)
    model = load_model(f"{file}:{name}?weights={weights}", "cpu")
    assert model.name == f"net:{name}"
    torch.testing.assert_close(model(make_images()), TRAINED(make_images().float() / 255))
    assert load_model(f"{file}:{name}", "cpu").name == f"net:{name}"
    for spec, words in ((f"{file}:black?weights={weights}", "goes with a network, not with"),
                        (f"{file}:{name}?weights=best", "weights=best is no file"),
                        (f"{file}:{name}?classes=3", "no option 'classes'; known: weights"),
                        (f"{file}:{name}?weights={weights}&weights=b", "'weights' is given twice")):  # fmt: skip
        with pytest.raises(ModelError, match=words):
            load_model(spec, "cpu")
