"""Victims of which only the answers are known: ONNX files and callables of a user's file."""

import numpy as np
import pytest
import torch

from presoftmax.errors import ModelError
from presoftmax.models import BlackBox, Classifier, absolute_name, load_model, load_models, load_victim, table_names
from tests.conftest import make_images

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

WEIGHT = np.random.default_rng(0).standard_normal((3 * 6 * 6, 5)).astype(np.float32)


def write(path, kind=onnx.TensorProto.FLOAT, size=6):
    """Flatten and multiply; one of bytes casts them first."""
    nodes = [onnx.helper.make_node("Flatten", ["pixels"], ["flat"], axis=1),
             onnx.helper.make_node("MatMul", ["flat", "weight"], ["logits"])]  # fmt: skip
    name = "pixels"
    if kind != onnx.TensorProto.FLOAT:
        name = "bytes"
        nodes.insert(0, onnx.helper.make_node("Cast", ["bytes"], ["pixels"], to=onnx.TensorProto.FLOAT))
    graph = onnx.helper.make_graph(
        nodes,
        "net",
        [onnx.helper.make_tensor_value_info(name, kind, ["n", 3, size, size])],
        [onnx.helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, ["n", 5])],
        [onnx.numpy_helper.from_array(WEIGHT, "weight")],
    )
    made = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(made, path)
    return str(path)


def test_an_onnx_file_answers_as_the_network_would(tmp_path):
    victim = load_victim(write(tmp_path / "net.onnx"))
    images = make_images(4)
    assert victim.name == "net"
    expected = (images.float() / 255).flatten(1).numpy() @ WEIGHT
    assert np.allclose(victim(images).numpy(), expected, atol=1e-4)
    assert victim(images).dtype == torch.float32


def test_it_gets_what_it_asks_for(tmp_path):
    images = make_images(4)
    by_bytes = load_victim(write(tmp_path / "bytes.onnx", onnx.TensorProto.UINT8))
    assert np.allclose(by_bytes(images).numpy(), images.float().flatten(1).numpy() @ WEIGHT, rtol=1e-4, atol=1e-2)
    normal = load_victim(write(tmp_path / "net.onnx") + "?normalize=imagenet")
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    expected = ((images.float() / 255 - mean) / std).flatten(1).numpy() @ WEIGHT
    assert np.allclose(normal(images).numpy(), expected, atol=1e-3)
    assert normal(make_images(2, size=9)).shape == (2, 5)


def test_it_is_a_victim_only(tmp_path):
    name = write(tmp_path / "net.onnx")
    with pytest.raises(ModelError, match="black box without gradient"):
        load_model(name)
    with pytest.raises(ModelError, match="no file"):
        load_victim(str(tmp_path / "nothing.onnx"))
    with pytest.raises(ModelError, match="normalize is none or imagenet"):
        load_victim(name + "?normalize=mine")
    (tmp_path / "broken.onnx").write_bytes(b"not an onnx file")
    with pytest.raises(ModelError, match="not a usable ONNX file"):
        load_victim(str(tmp_path / "broken.onnx"))


def test_a_file_may_give_a_callable(tmp_path):
    file = tmp_path / "service.py"
    file.write_text(
        "import numpy as np\nCLASSES = ['a', 'b']\n"
        "def ask():\n    return lambda images: np.stack([images.float().mean((1, 2, 3)), np.zeros(len(images))], 1)\n"
        "def nothing():\n    return 7\n"
    )
    victim = load_victim(f"{file}:ask")
    assert isinstance(victim, BlackBox)
    assert victim.classes == ("a", "b")
    assert victim(make_images(3)).shape == (3, 2)
    with pytest.raises(ModelError, match="returned int, no nn.Module and no callable"):
        load_victim(f"{file}:nothing")


def test_names_that_are_the_same_in_tables_are_numbered(tmp_path, monkeypatch):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "m.py").write_text("import torch\ndef net():\n    return torch.nn.Flatten()\n")
    names = (f"{tmp_path}/a/m.py:net", f"{tmp_path}/b/m.py:net", "torchvision/alexnet?weights=random")
    assert table_names(*names) == ["m:net", "m:net-2", "torchvision/alexnet"]
    models = load_models(*names[:2], device="cpu")
    assert [model.name for model in models] == ["m:net", "m:net-2"]
    assert all(isinstance(model, Classifier) for model in models)
    monkeypatch.chdir(tmp_path)
    assert absolute_name("a/m.py:net") == names[0]
    assert absolute_name("torchvision/alexnet?weights=w.pt&classes=3") == (
        f"torchvision/alexnet?weights={tmp_path}/w.pt&classes=3"
    )
    assert absolute_name("efficientnet_lite0") == "efficientnet_lite0"
