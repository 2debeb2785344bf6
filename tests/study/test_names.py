"""A study whose models, attacks, classes, files and title have the nastiest names: from its file to its page."""

import json
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import polars as pl
import pytest
from PIL import Image

from presoftmax.cli import main
from presoftmax.report.figures import style
from presoftmax.text import LINE
from tests.study.panel import CLASSES_COUNT, SIZE
from tests.text.nasty import NASTY
from tests.text.pages import Page, fits_a_phone
from tests.text.test_printable import is_harmless

MODEL = """
import torch
import presoftmax as ps
from tests.study.panel import Net

CLASSES = {classes!r}

def {name}():
    return ps.Classifier(Net({jitter}), classes=CLASSES)
"""


@pytest.fixture
def toml(tmp_path):
    """A study in a folder with a nasty name."""
    folder = tmp_path / "$\\frac{ a\nb\x1b[31m \u6f22"
    folder.mkdir()
    classes = [
        *list(NASTY.values())[:3],
        NASTY["color of the terminal"],
        NASTY["markup"],
        NASTY["half a pair"],
        "x" * 999,
    ]
    models = []
    for number, stem in enumerate(("_$x_{^ a\nb\x1b[31m<b>", "\u6f22\U0001f43c" + "y" * 60)):
        file = folder / f"{stem}.py"
        file.write_text(MODEL.format(classes=classes, name="net", jitter=number))
        models.append(f"{file}:net")
    pictures = folder / "pictures"
    drawn = np.random.default_rng(0).integers(0, 250, (60, SIZE, SIZE, 3), dtype=np.uint8)
    _write_pictures(pictures, drawn)
    path = folder / "study \u202e.toml"
    attacks = ["_a_b", "\u6f22\u5b57" * 30, "n" * 60]
    content = [
        f"title = {json.dumps('</title>$ ' + 'z' * 9_000, ensure_ascii=False)}",
        f"models = {json.dumps(models, ensure_ascii=False)}",
        "shard = 4\ngallery = 1",
        f"[images]\npath = {json.dumps(str(pictures), ensure_ascii=False)}\ncount = 4",
    ]
    for name in attacks:
        named = f"name = {json.dumps(name, ensure_ascii=False)}\nsteps = 3\nalpha = 0.02"
        content.append(f'[[attacks]]\nkind = "over-optimized"\n{named}')
    path.write_text("\n".join(content), encoding="utf-8")
    return path


def _write_pictures(folder, drawn):
    """Photos in class folders of numbers, each where the first network puts it."""
    import torch

    from tests.study.panel import Net

    with torch.no_grad():
        labels = Net()(torch.from_numpy(drawn).permute(0, 3, 1, 2).float() / 255).argmax(1).tolist()
    for number in range(CLASSES_COUNT):
        (folder / f"{number}").mkdir(parents=True)
    for number, (pixels, label) in enumerate(zip(drawn, labels, strict=True)):
        Image.fromarray(pixels).save(folder / f"{label}" / f"\u202e $\\frac{{ \x1b[3{number}m\n.png")


def run(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["presoftmax", *map(str, arguments)])
    code = 0
    try:
        main()
    except SystemExit as stop:
        code = stop.code or 0
    out, err = capsys.readouterr()
    for line in (*out.split("\n"), *err.split("\n")):
        assert is_harmless(line), repr(line[:200])
        assert len(line) <= LINE + 100
    return code, out, err


def test_from_its_file_to_its_page(toml, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(style._STYLE, "savefig.dpi", 30)
    out = tmp_path / "out \x1b[31m\n$"
    code, _, err = run(monkeypatch, capsys, "run", toml, "--out", out)
    assert code == 0, err
    assert run(monkeypatch, capsys, "status", out)[0] == 0
    code, _, err = run(monkeypatch, capsys, "report", out)
    assert code == 0, err
    page = Page(out / "report" / "report.html")
    fits_a_phone(page)
    for text in page.said:
        assert all(map(is_harmless, text.split("\n"))), repr(text[:200])
    assert max(len(line) for text in page.said for line in text.split("\n")) <= 3 * LINE
    drawings = list((out / "report" / "figures").glob("*.svg"))
    assert len(drawings) >= 5
    for path in drawings:
        ElementTree.parse(path)
        assert len(path.name.encode()) < 200
    assert pl.read_parquet(out / "report" / "curves.parquet", glob=False)["attack"].n_unique() == 3
    assert Path(out / "report" / "claims.json").stat().st_size
