"""ONNX graphs as exporters write them: batch, layout, number format and outputs are read off the declaration."""

import numpy as np
import pytest
import torch

from presoftmax.errors import ModelError
from presoftmax.models import ask, load_victim
from tests.conftest import make_images

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

SIZE, CLASSES = 6, 5
FLOAT, HALF, DOUBLE = onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.DOUBLE
UINT8, INT32, INT64 = onnx.TensorProto.UINT8, onnx.TensorProto.INT32, onnx.TensorProto.INT64
WEIGHT = np.random.default_rng(0).standard_normal((3 * SIZE * SIZE, CLASSES)).astype(np.float32)
FIRST = ("n", 3, SIZE, SIZE)
LAST = ("n", SIZE, SIZE, 3)


def node(kind, given, made, **attributes):
    return onnx.helper.make_node(kind, list(given), list(made), **attributes)


def value(name, kind, shape):
    return onnx.helper.make_tensor_value_info(name, kind, shape)


def save(path, nodes, inputs, outputs, constants=()):
    tensors = [onnx.numpy_helper.from_array(values, name) for name, values in constants]
    graph = onnx.helper.make_graph(nodes, "net", inputs, outputs, tensors)
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8), path)
    return str(path)


def write(path, shape=FIRST, kind=FLOAT, outputs=(("logits", FLOAT, ("n", CLASSES)),), baked=False):
    """Cast, bring channels to the front, flatten and multiply; outputs are logits, or the images, as declared."""
    nodes = [node("Cast", ["pixels"], ["floats"], to=FLOAT)]
    last = shape is not None and (shape[3] == 3 or (isinstance(shape[1], int) and shape[1] > 3))
    nodes.append(node("Transpose", ["floats"], ["first"], perm=[0, 3, 1, 2] if last else [0, 1, 2, 3]))
    nodes.append(node("Reshape", ["first", "shape"], ["flat"]))
    nodes.append(node("MatMul", ["flat", "weight"], ["product"]))
    for name, to, declared in outputs:
        grown = node("Identity", ["first"], [name]) if len(declared) == 4 else node("Cast", ["product"], [name], to=to)
        nodes.append(grown)
    return save(
        path,
        nodes,
        [value("pixels", kind, shape)],
        [value(*each) for each in outputs],
        [("weight", WEIGHT), ("shape", np.array([1 if baked else -1, 3 * SIZE * SIZE]))],
    )


def expected(images, scale=255.0):
    return (images.float() / scale).flatten(1).numpy() @ WEIGHT


@pytest.mark.parametrize("count", [1, 4, 7])
@pytest.mark.parametrize("batch", ["n", None, 1, 3, 4, 16])
@pytest.mark.parametrize("layout", [FIRST, LAST])
def test_any_batch_and_layout(tmp_path, layout, batch, count):
    victim = load_victim(write(tmp_path / "net.onnx", (batch, *layout[1:]), outputs=[("y", FLOAT, (batch, CLASSES))]))
    images = make_images(count)
    np.testing.assert_allclose(victim(images).numpy(), expected(images), atol=1e-4)


@pytest.mark.parametrize("shape", [("n", 3, "h", "w"), ("n", "c", "h", "w"), (1, 3, None, None), None,
                                   ("n", "h", "w", 3), (1, 9, 9, "c")])  # fmt: skip
def test_shapes_that_say_less(tmp_path, shape):
    size = 9 if shape == (1, 9, 9, "c") else SIZE
    if size == SIZE:
        images = make_images(2)
        found = load_victim(write(tmp_path / "net.onnx", shape))(images)
        np.testing.assert_allclose(found.numpy(), expected(images), atol=1e-4)
    else:
        nodes = [node("GlobalAveragePool", ["pixels"], ["mean"]), node("Flatten", ["mean"], ["y"], axis=1)]
        net = save(tmp_path / "n.onnx", nodes, [value("pixels", FLOAT, shape)], [value("y", FLOAT, None)])
        assert load_victim(net)(make_images(2)).shape == (2, 9)


@pytest.mark.parametrize(
    ("kind", "scale"), [(FLOAT, 255), (HALF, 255), (DOUBLE, 255), (UINT8, 1), (INT32, 1), (INT64, 1)]
)
@pytest.mark.parametrize("shape", [FIRST, LAST, (1, *FIRST[1:])])
def test_any_number_format(tmp_path, kind, scale, shape):
    images = make_images(3)
    found = load_victim(write(tmp_path / "net.onnx", shape, kind))(images)
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found.numpy(), expected(images, scale), rtol=1e-4, atol=3e-2 if kind == HALF else 1e-2)


def test_a_batch_that_only_the_inside_fixes(tmp_path):
    """Exported with a free batch, but with the example's one baked into a reshape."""
    victim, images = load_victim(write(tmp_path / "net.onnx", baked=True)), make_images(4)
    for _ in range(2):
        np.testing.assert_allclose(victim(images).numpy(), expected(images), atol=1e-4)


ROW, CUBE = ("n", CLASSES), FIRST


@pytest.mark.parametrize(
    "outputs",
    [
        [("y", FLOAT, ROW)],
        [("y", HALF, ROW)],
        [("y", DOUBLE, ROW)],
        [("features", FLOAT, CUBE), ("y", FLOAT, ROW)],
        [("label", INT64, ROW), ("y", FLOAT, ROW)],
        [("features", FLOAT, ROW), ("logits", FLOAT, ROW)],
        [("probabilities", FLOAT, ROW), ("class_logits", FLOAT, ROW)],
        [("aux_logits", FLOAT, ROW), ("logits", FLOAT, ROW)],
        [("softmax", FLOAT, ROW), ("dense", FLOAT, ROW)],
    ],
)
def test_the_output_that_can_only_be_the_logits(tmp_path, outputs):
    images = make_images(2)
    victim = load_victim(write(tmp_path / "net.onnx", outputs=outputs))
    assert victim.function._output == outputs[-1][0]
    np.testing.assert_allclose(victim(images).numpy(), expected(images), atol=2e-2)


def test_several_that_could_be_are_named_and_can_be_chosen(tmp_path):
    net = write(tmp_path / "net.onnx", outputs=[("495", FLOAT, ROW), ("500", FLOAT, ROW)])
    with pytest.raises(ModelError, match=r"495 float \('n', 5\), 500 float .*several.*\?output=495"):
        load_victim(net)
    assert load_victim(f"{net}?output=500")(make_images(2)).shape == (2, CLASSES)
    with pytest.raises(ModelError, match="no output '501'; there are 495, 500"):
        load_victim(f"{net}?output=501")


@pytest.mark.parametrize("shape", [("n", CLASSES, 1, 1), ("n", CLASSES, 1), None])
def test_axes_of_one_element_behind_the_classes_are_dropped(tmp_path, shape):
    nodes = [node("Conv", ["pixels", "kernel"], ["y"])]
    kernel = WEIGHT.T.reshape(CLASSES, 3, SIZE, SIZE)
    if shape is not None and len(shape) == 3:
        nodes = [node("Conv", ["pixels", "kernel"], ["four"]), node("Squeeze", ["four", "axes"], ["y"])]
    net = save(tmp_path / "n.onnx", nodes, [value("pixels", FLOAT, FIRST)], [value("y", FLOAT, shape)],
               [("kernel", kernel), ("axes", np.array([3]))])  # fmt: skip
    images = make_images(3)
    np.testing.assert_allclose(load_victim(net)(images).numpy(), expected(images), atol=1e-4)


@pytest.mark.parametrize(
    ("shape", "kind", "words"),
    [
        (("n", 1, 28, 28), FLOAT, "gray images of one channel"),
        (("n", 28, 28, 1), FLOAT, "gray images of one channel"),
        (("n", 1, "h", "w"), FLOAT, "gray images of one channel"),
        (("n", 4, 6, 6), FLOAT, "no axis of 3 channels"),
        (("n", 108), FLOAT, "has 2 axes; images are"),
        (("n", 3, 6, 6), onnx.TensorProto.INT8, "of none of the types float, float16"),
        (("n",), onnx.TensorProto.STRING, "of none of the types float, float16"),
    ],
)
def test_inputs_that_are_no_images(tmp_path, shape, kind, words):
    nodes = [node("Identity", ["pixels"], ["y"])]
    net = save(tmp_path / "n.onnx", nodes, [value("pixels", kind, shape)], [value("y", kind, None)])
    with pytest.raises(ModelError, match=words):
        load_victim(net)


def test_other_numbers_of_inputs_and_outputs_that_are_no_logits(tmp_path):
    two = save(tmp_path / "two.onnx", [node("Add", ["a", "b"], ["y"])],
               [value("a", FLOAT, FIRST), value("b", FLOAT, FIRST)], [value("y", FLOAT, None)])  # fmt: skip
    with pytest.raises(ModelError, match=r"has 2 inputs \(a float .*, b float"):
        load_victim(two)
    labels = write(tmp_path / "l.onnx", outputs=[("label", INT64, ("n", CLASSES))])
    with pytest.raises(ModelError, match="none of which can be logits"):
        load_victim(labels)
    with pytest.raises(ModelError, match="takes grey levels, which are not normalized"):
        load_victim(write(tmp_path / "b.onnx", kind=UINT8) + "?normalize=imagenet")


@pytest.mark.parametrize("batch", ["n", 1, 3])
def test_what_a_session_raises_names_the_model_and_nothing_else_is_printed(tmp_path, capfd, batch):
    nodes = [
        node("Flatten", ["pixels"], ["flat"], axis=1),
        node("Gather", ["flat", "nowhere"], ["y"], axis=1),
    ]
    net = save(tmp_path / "wrong.onnx", nodes, [value("pixels", FLOAT, (batch, *FIRST[1:]))], [value("y", FLOAT, None)],
               [("nowhere", np.array([999]))])  # fmt: skip
    with pytest.raises(ModelError, match=r"model wrong failed on images \(4, 3, 6, 6\)"):
        ask(load_victim(net), make_images(4))
    assert capfd.readouterr() == ("", "")
