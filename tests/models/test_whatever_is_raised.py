"""Whatever the code of a model raises, wherever, is one `ModelError` that names it."""

import itertools

import numpy as np
import pytest
import torch

from presoftmax.errors import AttackError, ModelError, first_line
from presoftmax.extensions import call, load_object
from presoftmax.models import BlackBox, Classifier, ask, load_model, load_victim
from tests.conftest import Tiny, make_images

RAISED = (
    "KeyError('inside')",
    "KeyError()",
    "AssertionError",
    "AssertionError('inside')",
    "StopIteration",
    "StopIteration(3)",
    "SystemExit",
    "SystemExit(0)",
    "SystemExit('inside')",
    "RecursionError('inside')",
    "MemoryError",
    "FileNotFoundError(2, 'inside')",
    "UnicodeDecodeError('utf-8', b'x', 0, 1, 'inside')",
    "Own('inside')",
    "Unprintable()",
    "Boundless('inside')",
    "GeneratorExit",
    "ImportError('inside')",
)
OWN = """
import torch
class Own(Exception): pass
class Boundless(BaseException): pass
class Unprintable(Exception):
    def __str__(self): raise ValueError("not even this")
"""
PLACES = {
    "at import": "raise {}\ndef build(): pass",
    "at construction": "def build():\n    raise {}",
    "in the network's construction": (
        "class build(torch.nn.Module):\n    def __init__(self):\n        super().__init__()\n        raise {}"
    ),
    "in eval": ("class build(torch.nn.Module):\n    def train(self, mode=True):\n        if not mode: raise {}"),
    "in moving it": "class build(torch.nn.Module):\n    def _apply(self, *_, **__):\n        raise {}",
}
CALLED = {
    "network": "class build(torch.nn.Module):\n    def forward(self, images):\n        raise {}",
    "callable": "def build():\n    def answer(images):\n        raise {}\n    return answer",
    "classifier": (
        "import presoftmax as ps\nclass Net(torch.nn.Module):\n    def forward(self, images):\n        raise {}\n"
        "def build(): return ps.Classifier(Net(), preprocessing=ps.Preprocessing(6))"
    ),
}


def write(tmp_path, text, raised):
    file = tmp_path / "net.py"
    file.write_text(OWN + text.format(raised))
    return f"{file}:build"


@pytest.mark.parametrize(("place", "raised"), list(itertools.product(PLACES, RAISED)))
def test_while_it_is_loaded(tmp_path, place, raised):
    with pytest.raises(ModelError, match="net.py") as caught:
        load_victim(write(tmp_path, PLACES[place], raised), "cpu")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "raised"), list(itertools.product(CALLED, [each for each in RAISED if each != "MemoryError"]))
)
def test_when_it_is_called(tmp_path, kind, raised):
    model = load_victim(write(tmp_path, CALLED[kind], raised), "cpu")
    with pytest.raises(ModelError, match=r"^model net:build failed on images \(2, 3, 6, 6\): "):
        ask(model, make_images(2))


def test_an_error_that_cannot_be_printed_is_named_by_its_class():
    class UnprintableError(Exception):
        def __str__(self):
            raise ValueError

    assert first_line(UnprintableError()) == "UnprintableError"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("build = 3", "a function was expected, it is of type int"),
        ("def build(): return None", r"build\(\) returned NoneType"),
        ("def build(): return torch.nn.Identity", "returned the class Identity, not one of it"),
        (
            "CLASSES = 3\ndef build(): return torch.nn.Identity()",
            "its file must be a list of names, not int",
        ),
        ("CLASSES = 'ab'\ndef build(): return torch.nn.Identity()", "must be a list of names, not str"),
        ("CLASSES = {5: 'a'}\ndef build(): return torch.nn.Identity()", "must be a list of names, not dict"),
        ("def build(size): return torch.nn.Identity()", "missing 1 required positional argument: 'size'"),
    ],
)
def test_what_a_file_gives_that_is_no_model(tmp_path, text, words):
    with pytest.raises(ModelError, match=words):
        load_victim(write(tmp_path, text.replace("{", "{{").replace("}", "}}"), ""), "cpu")


@pytest.mark.parametrize("classes", ["['a', 'b']", "('a', 'b')", "{0: 'a', 1: 'b'}", "np.array(['a', 'b'])", "[3, 4]"])
@pytest.mark.parametrize("made", ["torch.nn.Flatten()", "ps.Classifier(torch.nn.Flatten())", "ps.BlackBox(print)"])
def test_a_finished_model_is_a_model(tmp_path, made, classes):
    file = tmp_path / "net.py"
    file.write_text(f"import numpy as np\nimport torch\nimport presoftmax as ps\nCLASSES = {classes}\nnet = {made}\n")
    model = load_victim(f"{file}:net", "cpu")
    assert model.name == "net:net"
    if made.startswith("torch"):
        assert model.classes == (("3", "4") if "3" in classes else ("a", "b"))


class Gray(torch.nn.Module):
    def __init__(self, *layers):
        super().__init__()
        self.layers = torch.nn.Sequential(*layers)

    def forward(self, images):
        return self.layers(images)


@pytest.mark.parametrize(
    "network",
    [
        Gray(torch.nn.Conv2d(1, 4, 3), torch.nn.Flatten()),
        Gray(torch.nn.BatchNorm2d(1), torch.nn.Conv2d(1, 4, 3)),
        Gray(torch.nn.Flatten(), torch.nn.Linear(36, 3)),
    ],
)
def test_a_network_of_gray_images_says_so_and_the_advice_works(network):
    with pytest.raises(ModelError, match=r"gray images of one channel.*transforms.Grayscale\(\), network"):
        ask(Classifier(network), make_images(2))
    import torchvision

    advised = torch.nn.Sequential(torchvision.transforms.Grayscale(), network)
    assert len(ask(Classifier(advised, mean=0.1307, std=(0.3081,)), make_images(2))) == 2


def test_another_failure_says_nothing_of_gray():
    with pytest.raises(ModelError) as caught:
        ask(Classifier(Tiny()), make_images(2, size=9))
    assert "gray" not in str(caught.value)


@pytest.mark.parametrize("answer", [[[1.0, 2.0]], np.float16([[1, 2]]), np.float64([[1, 2]]), [np.float32([1, 2])],
                                    [torch.tensor([1.0, 2.0])], torch.tensor([[1, 2]])])  # fmt: skip
def test_a_black_box_answers_in_any_numbers(answer):
    assert BlackBox(lambda images: answer)(make_images(1)).tolist() == [[1.0, 2.0]]


def test_a_model_that_exits_ends_no_program(tmp_path):
    name = write(tmp_path, CALLED["classifier"], "SystemExit(0)")
    with pytest.raises(ModelError, match=r"RuntimeError: it called sys.exit\(0\)"):
        ask(load_model(name, "cpu"), make_images(1))


@pytest.mark.parametrize("place", ["at import", "at construction"])
@pytest.mark.parametrize("raised", RAISED)
def test_any_piece_of_the_users(tmp_path, place, raised):
    with pytest.raises(AttackError, match="net.py"):
        call(load_object(write(tmp_path, PLACES[place], raised), "attack", AttackError))
