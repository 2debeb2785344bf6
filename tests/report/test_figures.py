"""Figures with any names, one example or many, one victim or twelve: nothing overlaps, and every file can be read."""

import warnings
from itertools import combinations
from xml.etree import ElementTree

import numpy as np
import polars as pl
import pytest
import torch
from PIL import Image

import presoftmax as ps
from presoftmax.analysis import by_iteration, transfer_by_iteration, transfer_curves
from presoftmax.report.figures import (
    Picture,
    audit_figure,
    class_namer,
    gallery_figure,
    in_order,
    iterations_figure,
    saturation_figure,
    save,
    style,
    transfer_figure,
)
from presoftmax.report.figures.style import shown_apart, styled
from tests.conftest import Tiny, make_set

LONG = "vit_base_patch16_clip_224.laion2b_ft_in12k_in1k"
NAMES = {
    "plain": [f"net{i}" for i in range(12)],
    "long": [f"torchvision/{LONG}_number_{i}_of_twelve_and_longer_still" for i in range(12)],
    "formulas": ["$\\frac{", "$5 and $6", "_hidden", "a_b^c", "$x$", "\\alpha", "{", "%", "#", "&", "$", "$$"],
    "control": [  # and the halves of surrogate pairs, and what XML forbids besides
        "a\nb", "\x00", "\x1b[31mred", "\u202eevil", "\ud800", "\ufffe", "\t", "\r", "\x85", "\u2028", "\x7f", "\x07",
    ],
    "markup": [
        "<b>", "&amp;", "]]>", "-->", "--", "'\"", "[red]x[/red]", "漢字", "😀", "عربي", "e\u0301", "x" * 100_000,
    ],
}  # fmt: skip


def a_trace(names, examples, victims):
    """With names that a table takes; those that it does not take are put in afterwards."""
    network = Tiny()
    attack = ps.attacks.over_optimized(steps=4, alpha=0.05)
    nets = {f"v{i}": Tiny(i + 1) for i in range(victims)}
    trace = ps.trace(attack, network, make_set(network, examples), victims=nets, accelerate=False)
    encoded = [name.encode("utf-8", "backslashreplace").decode() for name in names]
    renamed = dict(zip(trace.job.victim_names, encoded, strict=False))
    transfers = trace.transfers.with_columns(
        pl.col("victim").replace(renamed), attack=pl.lit(encoded[0]), source=pl.lit(encoded[1])
    )
    return trace.steps.with_columns(attack=pl.lit(encoded[0]), source=pl.lit(encoded[1])), transfers


def the_figures(names, examples, victims, panels):
    steps, transfers = a_trace(names, examples, victims)
    shown = transfers.filter(
        pl.col("victim").is_in(transfers["victim"].unique(maintain_order=True)[-panels:].implode())
    )
    pixels = np.zeros((6, 6, 3), dtype=np.uint8)
    rows = steps.filter(pl.col("example") == steps["example"][0]).to_dicts()
    strip = [Picture(pixels, row) for row in rows[:4]]
    return {
        "iterations": iterations_figure(by_iteration(steps), transfer_by_iteration(transfers)),
        "transfer": transfer_figure(transfer_curves(steps, shown), names[0]),
        "gallery": gallery_figure([strip] * min(examples, 2), class_namer(names[:7]), names[0]),
        "audit": audit_figure(names[0], torch.randn(examples, 7, generator=torch.Generator().manual_seed(0))),
        "saturation": saturation_figure(),
    }


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
def test_every_figure_is_a_readable_png_and_svg(tmp_path, monkeypatch, names):
    monkeypatch.setitem(style._STYLE, "savefig.dpi", 40)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for stem, figure in the_figures(names, 2, 12, panels=2).items():
            png = save(figure, tmp_path / stem)
            with Image.open(png) as image:
                assert min(image.size) > 80, stem
                assert max(image.size) < 2000, stem
            ElementTree.parse(tmp_path / f"{stem}.svg")


def extents(figure):
    with styled():
        figure.draw_without_rendering()
    titles = [axes.title for axes in figure.axes if axes.get_visible() and axes.title.get_text()]
    named = titles + ([figure._suptitle] if figure._suptitle else [])
    return {text.get_text(): text.get_window_extent() for text in named}


@pytest.mark.parametrize(
    ("names", "examples", "victims"), [("plain", 1, 1), ("plain", 5, 3), ("long", 5, 3), ("long", 5, 12)]
)
def test_titles_keep_apart_and_legends_hide_no_line(names, examples, victims):
    for stem, figure in the_figures(NAMES[names], examples, victims, panels=4).items():
        for (one, a), (other, b) in combinations(extents(figure).items(), 2):
            assert not a.overlaps(b), f"{stem}: {one!r} lies over {other!r}"
        for axes in figure.axes:
            if axes.get_legend() is None:
                continue
            box = axes.get_legend().get_window_extent()
            for line in axes.get_lines():
                points = line.get_transform().transform(np.column_stack(line.get_data()).astype(float))
                assert not box.count_contains(points), f"{stem}: the legend hides {line.get_label()}"


def test_names_that_begin_alike_are_still_told_apart():
    alike = shown_apart(NAMES["long"], 30)
    assert len(set(alike.values())) == 12
    assert max(map(len, alike.values())) <= 30
    same = shown_apart(["a" * 100 + "x", "a" * 101 + "x", "a" * 102 + "x"], 20)
    assert len(set(same.values())) == 3
    assert shown_apart(["vgg", "resnet"], 20) == {"vgg": "vgg", "resnet": "resnet"}


def test_the_legend_names_a_victim_that_begins_with_an_underscore():
    steps, transfers = a_trace(["x", "y"], 2, 1)
    transfers = transfers.with_columns(victim=pl.lit("_hidden"))
    figure = iterations_figure(by_iteration(steps), transfer_by_iteration(transfers))
    said = [text.get_text() for text in figure.axes[2].get_legend().get_texts()]
    assert any("_hidden" in text for text in said)


def test_a_dollar_is_a_dollar():
    figure = audit_figure("$5 and $6", torch.randn(5, 7))
    assert figure._suptitle.get_text().startswith("$5 and $6")
    assert not figure._suptitle.get_parse_math()


def test_lines_and_panels_come_in_the_order_in_which_victims_were_given(tmp_path):
    names = ["net10", "net9", "zeta", "alpha"]
    network = Tiny()
    attack = ps.attacks.over_optimized(steps=3, alpha=0.05)
    victims = {name: Tiny(i) for i, name in enumerate(names, 1)}
    trace = ps.trace(attack, network, make_set(network, 2), victims=victims)
    legend = trace.plot().axes[2].get_legend()
    assert [text.get_text() for text in legend.get_texts()][:4] == [f"fools {name}" for name in names]
    curves = in_order(transfer_curves(trace.steps, trace.transfers), "victim", names)
    panels = [axes.get_title() for axes in transfer_figure(curves, "").axes if axes.get_title()]
    assert [title.split("\n")[0].removeprefix("Tiny to ") for title in panels] == names
    assert in_order(curves, "victim", []).equals(curves)
    assert in_order(curves, "victim", ["zeta"])["victim"][0] == "zeta"
    page = trace.report(tmp_path / "run").read_text(encoding="utf-8")
    rows = page[page.index("Removed by cleaning") :]
    assert sorted(names, key=rows.index) == names


def test_without_victims_nothing_is_drawn_of_them():
    network = Tiny()
    trace = ps.trace(ps.attacks.over_optimized(steps=3, alpha=0.05), network, make_set(network, 2))
    assert len(trace.plot().axes) == 2


def panel(kept, examples, height=3):
    """A panel of curves whose examples are so many."""
    rows = [
        {"attack": "a", "source": "s", "victim": "v", "cleaned": cleaned, "examples": count,
         "transferability": 10.0 * i,
         **{f"{name}{end}": 0.5 + i / 10 for name in ("ca1", "confidence") for end in ("", "_low", "_high")}}
        for cleaned, count in ((True, kept), (False, examples)) for i in range(height) if count
    ]  # fmt: skip
    axes = transfer_figure(pl.DataFrame(rows), "").axes
    lines = sum(len(each.get_lines()) for each in axes)
    return lines, " ".join(text.get_text() for each in axes for text in each.texts), axes[0].get_title()


@pytest.mark.parametrize(
    ("kept", "examples", "lines", "words"),
    [
        (0, 1, 0, "1 example: too few for curves"),
        (9, 9, 0, "9 examples: too few for curves"),
        (0, 10, 2, "no example had transferred at the end"),
        (9, 10, 2, "9 had transferred at the end: too few for a curve (at least 10)"),
        (10, 10, 4, ""),
        (16, 40, 4, ""),
    ],
)
def test_no_curve_stands_on_fewer_than_ten_examples(kept, examples, lines, words):
    drawn, said, title = panel(kept, examples)
    assert drawn == lines
    assert words in said.replace("\n", " ")
    assert bool(said) == bool(words)
    assert title.endswith(f"{kept} of {examples} examples")
