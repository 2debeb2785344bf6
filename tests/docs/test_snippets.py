"""Every Python snippet of the README and the documents runs, a page from top to bottom in one interpreter.

A reader is told to have a network, images and the like; here these are small ones. A snippet that cannot run here has a
comment before it that says why: ``<!-- not run: REASON -->``. Commands of the shell have options that exist.
"""

import re
import shlex
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch
import typer.main
from torch import nn

import presoftmax as ps
from presoftmax.cli.app import app
from tests.study.conftest import model, pictures  # noqa: F401  a fixture

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SNIPPET = re.compile(
    r"(?:<!-- not run: (?P<why>[^>]+) -->\n)?```(?P<language>python|bash)\n(?P<code>.*?)```", re.DOTALL
)
CLASSES = 10
STUDY = """
models = ["{one}", "{two}"]
[images]
path = "{images}"
count = 4
[[attacks]]
kind = "over-optimized"
steps = 2
alpha = 0.02
"""

pytestmark = pytest.mark.filterwarnings("ignore::presoftmax.errors.PresoftmaxWarning")


def snippets(page, language):
    return [each for each in SNIPPET.finditer(page.read_text(encoding="utf-8")) if each["language"] == language]


def net(seed):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1), nn.Tanh(), nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(128, CLASSES)
        )  # fmt: skip


class Steps:
    """Stands for another library's attack: a few steps against the label."""

    def __init__(self, network, **_):
        self.network = network

    def __call__(self, images, labels=None):
        adversarial = images.clone()
        for _ in range(3):
            adversarial.requires_grad_(True)
            logits = self.network(adversarial)
            loss = nn.functional.cross_entropy(logits, logits.argmax(1) if labels is None else labels)
            (gradient,) = torch.autograd.grad(loss, adversarial)
            adversarial = (adversarial.detach() + 4 / 255 * gradient.sign()).clamp(0, 1)
        return adversarial


def names():
    """What a reader has."""
    network, images = net(0), torch.randint(0, 256, (4, 3, 32, 32), generator=torch.Generator().manual_seed(0)) / 255
    with torch.no_grad():
        logits = network(images)
    labels, other = logits.argmax(1), net(1)
    return {
        "ps": ps, "net": network, "model": network, "source": network, "vgg": other, "victim": other,
        "victims": [other], "victim_a": other, "victim_b": net(2), "images": images, "clean": images, "labels": labels,
        "logits": logits, "adversarial": Steps(network)(images, labels), "attack": ps.attacks.bim(3),
        "ask_the_api": lambda shown: net(3)(shown / 255), "batches_of_ids": [[0, 1], [2, 3]],
        "loader": [images[:2], images[2:]],
    }  # fmt: skip


@pytest.fixture
def small(monkeypatch, tmp_path, pictures):  # noqa: F811
    """The registry's models and photos are small ones; the other library is one that does a few steps."""
    given = names()
    library = ModuleType("torchattacks")
    library.PGD = library.CW = Steps
    monkeypatch.setitem(sys.modules, "torchattacks", library)
    given["torchattacks"] = library
    photos = ps.ImageSet.from_arrays((given["images"] * 255).to(torch.uint8), given["labels"])
    monkeypatch.setattr(ps, "samples", lambda *_: photos, raising=False)
    monkeypatch.setattr(ps, "load_models", lambda *all_: [net(number) for number in range(len(all_))], raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study.toml").write_text(STUDY.format(one=model("one"), two=model("two"), images=pictures))
    return given


@pytest.mark.parametrize("page", [page for page in PAGES if snippets(page, "python")], ids=lambda page: page.name)
def test_the_python_of_a_page_runs_from_top_to_bottom(page, small):
    for snippet in snippets(page, "python"):
        if not snippet["why"]:
            exec(compile(snippet["code"], page.name, "exec"), small)


def test_few_are_not_run_and_each_says_why():
    left = [each["why"] for page in PAGES for each in snippets(page, "python") if each["why"]]
    assert len(left) <= 2
    assert all(len(why.split()) > 3 for why in left)


def commands():
    for page in PAGES:
        for snippet in snippets(page, "bash"):
            joined = snippet["code"].replace("\\\n", " ")
            for line in joined.splitlines():
                for part in line.split("&&"):
                    words = shlex.split(part, comments=True)
                    if words[:1] == ["presoftmax"] and len(words) > 1:
                        yield pytest.param(words[1:], id=f"{page.name}: {' '.join(words)}"[:100])


@pytest.mark.parametrize("words", list(commands()))
def test_a_command_of_a_page_has_the_options_it_is_given(words):
    command = typer.main.get_command(app)
    assert words[0] in command.commands
    context = command.commands[words[0]].make_context(words[0], words[1:])
    assert context.params
