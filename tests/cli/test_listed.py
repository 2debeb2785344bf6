"""Names separated by commas, of which any may hold one."""

import csv
import io
import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from presoftmax.cli.app import _listed
from presoftmax.errors import PresoftmaxError
from presoftmax.storage import read_table
from tests.cli.test_cli import place  # noqa: F401  a fixture


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ()),
        (" , ,", ()),
        ("a", ("a",)),
        ("a,b", ("a", "b")),
        (" a , b ,", ("a", "b")),
        ('"a,b",c', ("a,b", "c")),
        ('c, "a,b"', ("c", "a,b")),
        ('"a,b.py:net","c,d.onnx?normalize=imagenet"', ("a,b.py:net", "c,d.onnx?normalize=imagenet")),
        ('"say ""a,b""",c', ('say "a,b"', "c")),
        ('a"b,c', ('a"b', "c")),
        ("my net.py:one,C:\\nets\\b.py:two", ("my net.py:one", "C:\\nets\\b.py:two")),
        ('"a\nb",c', ("a\nb", "c")),
        (
            "timm/resnet50.a1_in1k?weights=random,torchvision/vgg16",
            ("timm/resnet50.a1_in1k?weights=random", "torchvision/vgg16"),
        ),
    ],
)
def test_a_name_that_holds_a_comma_is_quoted(text, names):
    assert _listed("victims", text) == names


@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1)))
def test_whatever_a_csv_file_can_say_is_read(names):
    line = io.StringIO()
    csv.writer(line, lineterminator="", quoting=csv.QUOTE_ALL).writerow(names)
    assert _listed("victims", line.getvalue()) == tuple(names)


@pytest.mark.parametrize("text", ['"a,b', '"a,b"c', "a\nb"])
@pytest.mark.parametrize("option", ["victims", "surrogates", "scores"])
def test_what_cannot_be_split_is_one_line_with_its_option(cli, option, text):
    code, out, err = cli("score", "a.npz", "--source", "net.py:net", f"--{option}", text)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert f"--{option}" in err
    with pytest.raises(PresoftmaxError, match="in double quotes"):
        _listed(option, text)


@pytest.mark.parametrize("command", ["demo", "score"])
def test_help_says_how(cli, command):
    _, out, _ = cli(command, "--help")
    assert "in double quotes" in " ".join(out.replace("│", " ").split())


def test_audit_says_what_images_may_be(cli):
    _, out, _ = cli("audit", "--help")
    said = " ".join(out.replace("│", " ").split())
    for form in ("folder", ".npz", ".npy", ".pt", ".safetensors", "'samples'"):
        assert form in said


def test_models_in_a_folder_with_a_comma(cli, place, tmp_path):  # noqa: F811
    folder = tmp_path / "mine, new"
    folder.mkdir()
    for name in ("one", "two"):
        shutil.copy(place / "m.py", folder / f"{name}.py")
    victims = ",".join(f'"{folder / name}.py:victim"' for name in ("one", "two"))
    given = ["score", place / "photos", "--clean", place / "photos", "--labels", place / "labels.csv", "--json"]
    source = f"{folder / 'one'}.py:source"
    code, out, err = cli(*given, "--source", source, "--victims", victims, "--device", "cpu")
    assert code == 0, err
    shown = read_table(Path(json.loads(out)["run"]) / "transfers.parquet")
    assert shown["victim"].unique(maintain_order=True).to_list() == ["one:victim", "two:victim"]
