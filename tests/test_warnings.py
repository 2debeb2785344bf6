"""A warning points at the line of whoever called presoftmax, however deep inside it is raised."""

import ast
import warnings
from pathlib import Path

import pytest
import torch
from torch import nn

import presoftmax as ps
from presoftmax.errors import PresoftmaxWarning, warn
from tests.conftest import CLASSES, Tiny, make_images, make_set

ROOT = Path(ps.__file__).parent


def warns(path):
    """The functions of the module ``warnings`` that a file calls to warn."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    called = [ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [name for name in called if name.startswith("warnings.warn")]


def test_there_is_one_way_to_warn():
    for path in ROOT.rglob("*.py"):
        expected = ["warnings.warn_explicit"] if path == ROOT / "errors.py" else []
        assert warns(path) == expected, f"{path}: presoftmax.errors.warn finds the user's line"


class Broken(Tiny):
    """NaN wherever the image is not the clean one, which is even."""

    def forward(self, x):
        odd = ((x.detach() * 255).round() % 2 == 1).flatten(1).any(dim=1)
        return torch.where(odd[:, None], torch.nan, super().forward(x))


class Sure(Tiny):
    def forward(self, x):
        return 1000 * super().forward(x)


class Sigmoid(Tiny):
    def forward(self, x):
        return super().forward(x).sigmoid()


def even(network):
    images = make_images(10) // 2 * 2
    with torch.no_grad():
        return ps.ImageSet.from_arrays(images, network(images.float() / 255).argmax(1))


OVER = ps.attacks.over_optimized(steps=2, alpha=0.05)
CROSS_ENTROPY = ps.attacks.Attack(
    "pgd", ps.attacks.CrossEntropy(targeted=False), ps.attacks.SignStep(2 / 255), 2, space=ps.attacks.Space.PIXEL
)


def not_called():
    with ps.record(Tiny(), *make_set(Tiny())):
        pass


WARNED = {
    "a source's NaN": lambda: ps.trace(OVER, Broken(), even(Tiny())),
    "a victim's NaN": lambda: ps.trace(OVER, Tiny(), even(Tiny()), victims=[Broken()]),
    "a vanished gradient": lambda: ps.trace(CROSS_ENTROPY, Sure(), make_set(Sure())),
    "a doubted source": lambda: ps.trace(OVER, Sigmoid(), make_set(Tiny(), 10)),
    "a doubted victim": lambda: ps.trace(OVER, Tiny(), make_set(Tiny(), 10), victims=[Sigmoid()]),
    "a doubted model": lambda: ps.select_correct([make_set(Tiny(), 10)], [ps.Classifier(Sigmoid())]),
    "a recording without an attack": not_called,
}


@pytest.mark.parametrize("act", WARNED.values(), ids=WARNED)
def test_it_points_at_the_users_line(act):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        act()
    ours = [each for each in seen if issubclass(each.category, PresoftmaxWarning)]
    assert ours
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    for each in ours:
        assert each.filename == __file__, f"{each.filename}:{each.lineno}: {each.message}"
        assert "ps." in lines[each.lineno - 1] or "with" in lines[each.lineno - 1] or "pass" in lines[each.lineno - 1]


def test_it_passes_the_frames_of_torch_and_contextlib():
    class Inside(nn.Module):
        @torch.no_grad()
        def forward(self, x):
            namespace = {"__name__": "presoftmax.somewhere", "warn": warn}
            exec("def deep(): warn('here')", namespace)
            namespace["deep"]()
            return x[:, :CLASSES]

    # Of user code that presoftmax calls, the innermost line counts.
    with pytest.warns(PresoftmaxWarning, match="here") as seen:
        Inside()(torch.zeros(1, 9))
    assert [each.filename for each in seen] == [__file__]


def test_the_same_line_is_warned_once():
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("default")
        for _ in range(3):
            warn("the same")
    assert len(seen) == 1
