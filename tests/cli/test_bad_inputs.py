"""Bad inputs in tables, by command: each ends with status 2 and a few lines that say what is wrong; nothing is left."""

import shutil
import struct
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.cli.running import run_main
from tests.cli.test_cli import place  # noqa: F401  a fixture
from tests.study.conftest import model, pictures  # noqa: F401  a fixture

LINES = 6  # typer's own box takes five, with a long message six

FILES = {
    "text.txt": b"hello",
    "text.npz": b"hello",
    "text.pth": b"hello",
    "text.onnx": b"hello",
    "empty.npz": b"",
    "empty.npy": b"",
    "empty.pt": b"",
    "empty.pth": b"",
    "empty.safetensors": b"",
    "lfs.safetensors": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    "page.pth": b"<!DOCTYPE html><html>not found</html>",
    "lying.safetensors": struct.pack("<Q", 2**62) + b"{}",
    "empty.csv": b"",
    "binary.csv": bytes(range(256)),
    "headings.csv": b"file,label\n",
    "other.csv": b"a,b,c\n1,2,3\n",
    "empty.toml": b"",
    "binary.toml": b"\xff\xfe\x00",
    "syntax.py": b"def f(:\n",
    "leaves.py": b"raise SystemExit(0)\n",
    "fails.py": b"raise KeyError('k')\n",
    "needs.py": b"import a_package_that_nobody_has\n",
    "natural.json": b"{}",
    "text.json": b"hello",
}
BAD = """
import torch
class Own(BaseException): pass
class Net(torch.nn.Module):
    def __init__(self, answer):
        super().__init__()
        self.answer = answer
    def forward(self, x):
        return self.answer(x)
def key(): raise KeyError("k")
def stop(): raise StopIteration
def asserts(): raise AssertionError
def leaves(): raise SystemExit(0)
def own(): raise Own("x")
def needs_arguments(a, b): return None
def nothing(): return None
def number(): return 3
def text(): return "resnet"
value = 3
def fails(): return Net(lambda x: {}["k"])
def quits(): return Net(lambda x: exit(0))
def flat(): return Net(lambda x: x.flatten())
def image(): return Net(lambda x: x)
def short(): return Net(lambda x: x.flatten(1)[:-1, :7])
def words(): return Net(lambda x: "words")
def infinite(): return Net(lambda x: x.flatten(1)[:, :7] * float("inf"))
def softmax(): return Net(lambda x: x.flatten(1)[:, :7].softmax(1))
"""


def arrays(folder: Path) -> None:
    """Files of arrays that are no images."""
    images = np.zeros((4, 3, 6, 6), np.uint8)
    for name, values in {
        "scalar": np.float64(3), "flat": np.zeros(9), "none": images[:0], "nan": np.full((4, 3, 6, 6), np.nan),
        "high": images + 300.0, "low": images - 1.0, "whole": images.astype(np.int32), "logical": images > 0,
        "channels": np.zeros((4, 5, 6, 6), np.uint8), "complex": images.astype(np.complex64),
    }.items():  # fmt: skip
        np.savez(folder / f"{name}.npz", images=values, labels=np.zeros(4, np.int64))
    np.savez(folder / "objects.npz", images=np.array([{}], dtype=object))
    np.savez(folder / "two.npz", adv_a=images, adv_b=images)
    np.savez(folder / "unlabeled.npz", adv=images, clean=images)
    np.savez(folder / "halves.npz", adv=images, clean=images, labels=np.array([0, 1, 1.5, 2]))
    np.savez(folder / "few.npz", adv=images, clean=images, labels=np.zeros(3, np.int64))
    np.savez(folder / "names.npz", first=images, second=images)
    np.save(folder / "array.npy", images)
    (folder / "array.npy").rename(folder / "labels_missing.npz")
    whole = BytesIO()
    np.savez(whole, images=images)
    (folder / "cut.npz").write_bytes(whole.getvalue()[:-60])
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000, 3, 6, 6), }".ljust(117) + b"\n"
    (folder / "lying.npy").write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header)
    with zipfile.ZipFile(folder / "text_inside.npz", "w") as archive:
        archive.writestr("images.npy", "hello")
    torch.save({"adv": torch.nn.Linear(1, 1)}, folder / "module.pt")
    torch.save({"a": {"b": 1}}, folder / "nested.pt")
    torch.save(torch.nn.Linear(1, 1).state_dict(), folder / "weights.pth")


@pytest.fixture(scope="module")
def bad(place, pictures):  # noqa: F811
    for name, content in FILES.items():
        (place / name).write_bytes(content)
    (place / "bad.py").write_text(BAD)
    arrays(place)
    (place / "nothing").mkdir()
    (place / "broken").mkdir()
    (place / "broken" / "a.png").write_bytes(b"\x89PNG\r\n\x1a\nhello")
    (place / "folder.csv").mkdir()
    rows = (place / "labels.csv").read_text().splitlines()
    for name, change in LABELS.items():
        (place / f"labels-{name}.csv").write_text("\n".join([rows[0], *change(rows[1:])]))
    for name, text in STUDIES.items():
        (place / f"study-{name}.toml").write_text(text.format(one=model("one"), two=model("two"), images=pictures))
    return place


LABELS = {
    "high": lambda rows: [rows[0].rpartition(",")[0] + ",99", *rows[1:]],
    "minus": lambda rows: [rows[0].rpartition(",")[0] + ",-1", *rows[1:]],
    "half": lambda rows: [rows[0].rpartition(",")[0] + ",1.7", *rows[1:]],
    "word": lambda rows: [rows[0].rpartition(",")[0] + ",what", *rows[1:]],
    "nan": lambda rows: [rows[0].rpartition(",")[0] + ",nan", *rows[1:]],
    "blank": lambda rows: [rows[0].rpartition(",")[0] + ",", *rows[1:]],
    "twice": lambda rows: [*rows, rows[0].rpartition(",")[0] + ",0", rows[0].rpartition(",")[0] + ",1"],
    "strangers": lambda rows: ["nobody.png,0"],
}

MODELS = (
    "", "nowhere/net", "torchvision/resnet5000", "timm/nothing_at_all", "efficientnet_lite9", "m.py", "m.py:",
    "m.py:nothing", "nowhere.py:f", "syntax.py:f", "leaves.py:f", "fails.py:f", "needs.py:f", "nowhere.onnx",
    "text.onnx",
    "torchvision/resnet18?weights=nowhere.pth", "torchvision/resnet18?weights=text.pth",
    "torchvision/resnet18?weights=empty.pth", "torchvision/resnet18?weights=page.pth",
    "torchvision/resnet18?weights=lfs.safetensors", "torchvision/resnet18?weights=lying.safetensors",
    "torchvision/resnet18?weights=weights.pth", "torchvision/resnet18?nonsense=1", "torchvision/resnet18?classes=x",
    "torchvision/resnet18?weights=random&classes=0", "torchvision/resnet18?weights=random&classes=-3",
    "a\nb", "/", "?", ":",
    *(f"bad.py:{name}" for name in (
        "key", "stop", "asserts", "leaves", "needs_arguments", "nothing", "number", "text", "value", "fails", "quits",
        "flat", "image", "short", "words", "infinite", "softmax",
    )),
)  # fmt: skip

IMAGES = (
    "nowhere", "nothing", "broken", "text.txt", "text.npz", "empty.npz", "empty.npy", "empty.pt", "empty.safetensors",
    "scalar.npz", "flat.npz", "none.npz", "nan.npz", "high.npz", "low.npz", "whole.npz", "logical.npz", "channels.npz",
    "complex.npz", "objects.npz", "two.npz", "cut.npz", "lying.npy", "text_inside.npz", "module.pt", "nested.pt",
    "lying.safetensors", "names.npz",
)  # fmt: skip

TABLES = (
    "nowhere.csv", "empty.csv", "binary.csv", "headings.csv", "other.csv", "folder.csv",
    *(f"labels-{name}.csv" for name in LABELS),
)  # fmt: skip

OPTIONS = (
    ("--steps", "0"), ("--steps", "-1"), ("--steps", "many"), ("--steps", "1.5"), ("--images", "0"), ("--alpha", "0"),
    ("--alpha", "-1"), ("--alpha", "nan"), ("--alpha", "inf"), ("--alpha", "much"), ("--classes", "1"),
    ("--classes", "99"), ("--discretization", "never"), ("--balance", "never"), ("--seed", "x"), ("--device", "warp"),
    ("--device", "cuda:99"), ("--attack", "nothing"), ("--attack", "bad.py:key"), ("--attack", "bad.py:number"),
    ("--objective", "nothing"), ("--objective", "bad.py:value"), ("--update", "nothing"), ("--update", "bad.py:value"),
    ("--scores", "nothing"), ("--scores", "bad.py:value"), ("--scores", "bad.py"), ("--out", "m.py"),
    ("--out", "m.py/x"), ("--nonsense", "1"),
)  # fmt: skip

HEAD = 'models = ["{one}", "{two}"]\n'
STUDY_IMAGES = '[images]\npath = "{images}"\ncount = 4\n'
ATTACK = '[[attacks]]\nkind = "over-optimized"\nsteps = 2\n'
STUDIES = {
    "syntax": "models = [",
    "no-models": STUDY_IMAGES + ATTACK,
    "no-images": HEAD + ATTACK,
    "no-attacks": HEAD + STUDY_IMAGES,
    "one-word": 'models = "x"\n' + STUDY_IMAGES + ATTACK,
    "empty-models": "models = []\n" + STUDY_IMAGES + ATTACK,
    "unknown-model": 'models = ["nowhere/net"]\n' + STUDY_IMAGES + ATTACK,
    "unknown-key": HEAD + "nonsense = 1\n" + STUDY_IMAGES + ATTACK,
    "unknown-key-of-images": HEAD + STUDY_IMAGES + "nonsense = 1\n" + ATTACK,
    "unknown-kind": HEAD + STUDY_IMAGES + '[[attacks]]\nkind = "nothing"\n',
    "no-kind": HEAD + STUDY_IMAGES + "[[attacks]]\nsteps = 2\n",
    "no-path": HEAD + "[images]\ncount = 4\n" + ATTACK,
    "nowhere": HEAD + '[images]\npath = "nowhere"\ncount = 4\n' + ATTACK,
    "none": HEAD + '[images]\npath = "nothing"\ncount = 4\n' + ATTACK,
    "count": HEAD + '[images]\npath = "{images}"\ncount = 0\n' + ATTACK,
    "count-word": HEAD + '[images]\npath = "{images}"\ncount = "four"\n' + ATTACK,
    "count-half": HEAD + '[images]\npath = "{images}"\ncount = 1.5\n' + ATTACK,
    "seed": HEAD + 'seed = "x"\n' + STUDY_IMAGES + ATTACK,
    "shard": HEAD + "shard = 0\n" + STUDY_IMAGES + ATTACK,
    "precision": HEAD + 'precision = "some"\n' + STUDY_IMAGES + ATTACK,
    "labels": HEAD + STUDY_IMAGES + 'labels = "nowhere.csv"\n' + ATTACK,
    "same-names": HEAD + STUDY_IMAGES + ATTACK + ATTACK,
    **{
        f"{key}-{number}": HEAD + STUDY_IMAGES + f'[[attacks]]\nkind = "over-optimized"\n{key} = {value}\n'
        for key in ("steps", "alpha")
        for number, value in enumerate(("-1", "nan", "inf", '"x"', "true", "[]", "1e30", "0"))
    },
    "discretization": HEAD + STUDY_IMAGES + ATTACK + 'discretization = "never"\n',
    "attack-sources": HEAD + STUDY_IMAGES + ATTACK + 'sources = ["nowhere/net"]\n',
    "classes": HEAD + STUDY_IMAGES + '[[attacks]]\nkind = "multi-class"\nsteps = 2\nclasses = 1\n',
    "own-attack": HEAD + STUDY_IMAGES + '[[attacks]]\nkind = "bad.py:key"\n',
    "own-score": HEAD + 'scores = ["bad.py:value"]\n' + STUDY_IMAGES + ATTACK,
    "numbers-for-text": "title = 3\n" + HEAD + STUDY_IMAGES + ATTACK,
}


NO_STUDIES = ("nowhere.toml", "empty.toml", "binary.toml", "nothing", "m.py")


def judged(*more: str) -> list[str]:
    return ["score", "photos", "--clean", "photos", "--labels", "labels.csv", "--source", "m.py:source", *more]


def demo(*more: str) -> list[str]:
    usual = ["--source", "m.py:source", "--victims", "", "--photos", "photos", "--labels", "labels.csv", "--steps", "1"]
    return ["demo", *usual, *more]


CASES: tuple[list[str], ...] = (
    *(demo("--source", name) for name in MODELS),
    *(demo("--victims", name) for name in MODELS if name not in ("", ":")),
    *(["audit", name, "photos"] for name in MODELS if name),
    *(judged("--source", name) for name in MODELS[:16]),
    *(judged("--victims", name) for name in MODELS[1:16] if name.strip()),
    *(demo("--photos", name) for name in IMAGES),
    *(["audit", "m.py:source", name] for name in IMAGES),
    *(["score", name, "--source", "m.py:source"] for name in (*IMAGES, "unlabeled.npz", "halves.npz", "few.npz")),
    *(judged("--clean", name) for name in IMAGES),
    *(demo("--labels", name) for name in TABLES),
    *(["audit", "m.py:source", "photos", "--labels", name] for name in TABLES),
    *(judged("--labels", name) for name in TABLES),
    *(demo(*option) for option in OPTIONS),
    *(judged("--natural", name) for name in ("nowhere.json", "natural.json", "text.json", "photos")),
    *(judged(*option) for option in (("--device", "warp"), ("--scores", "nothing"), ("--out", "m.py"), ("--x", "1"))),
    *([verb, f"study-{name}.toml", "--device", "cpu"] for verb in ("run", "plan") for name in STUDIES),
    *([verb, name] for verb in ("run", "plan") for name in NO_STUDIES),
    *([verb, name] for verb in ("status", "report") for name in ("nowhere", "nothing", "m.py", "photos")),
    ["init", "m.py"], ["init", "m.py/study.toml"],
    ["reproduce"], ["reproduce", "--imagenet", "nowhere"], ["reproduce", "--imagenet", "nothing"],
    ["reproduce", "--panel", "nothing"], ["reproduce", "--panel", "text.txt"], ["reproduce", "--images", "0"],
    ["saturation", "--classes", "1"], ["saturation", "--device", "warp"], ["saturation", "--figure", "m.py/x.png"],
    ["nothing"], ["--nonsense"], ["audit"], ["score"], ["run"], ["report"],
)  # fmt: skip


def snapshot(folder: Path) -> set[str]:
    """All that lies there, but for what Python itself writes."""
    there = {path.relative_to(folder) for path in folder.rglob("*") if "__pycache__" not in path.parts}
    return {str(path) for path in there if str(path) != "presoftmax-runs"}


def test_there_are_many():
    assert len({tuple(case) for case in CASES}) > 400


@pytest.mark.parametrize("case", CASES, ids=lambda case: " ".join(case))
def test_a_bad_input_is_said_in_a_few_lines(bad, case):
    before = snapshot(bad)
    done = run_main(bad, case)
    left = snapshot(bad) - before
    shutil.rmtree(bad / "presoftmax-runs", ignore_errors=True)
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert not left
    lines = [line for line in done.stderr.splitlines() if line.strip() and "Warning" not in line]
    assert 1 <= len(lines) <= LINES, done.stderr
    assert max(map(len, lines)) < 600
