"""A trace in words, as a picture, as a folder, and its last images judged."""

from html.parser import HTMLParser

import polars as pl
import pytest
from PIL import Image

import presoftmax as ps
from presoftmax import attacks
from presoftmax.errors import PresoftmaxWarning, RunError
from tests.conftest import Tiny, make_set

pytestmark = pytest.mark.filterwarnings("ignore:what is natural:presoftmax.errors.PresoftmaxWarning")


@pytest.fixture(scope="module")
def trace():
    network = Tiny(0)
    return ps.trace(
        attacks.over_optimized(6, 0.005), network, make_set(network), victims={"<v>": Tiny(5), "w": Tiny(6)}, keep=[2]
    )


def test_it_prints_a_few_lines(trace):
    lines = repr(trace).splitlines()
    assert len(lines) <= 12
    assert lines[0] == "Trace of over-optimized on Tiny: 5 examples, 6 iterations"
    means = ps.analysis.by_iteration(trace.steps)
    assert lines[2] == f"  mean CA1 {means['ca1'][0]:.1f} to {means['ca1'][-1]:.1f}"
    assert any(line.startswith("  fools <v>: ") for line in lines)


def test_many_victims_still_print_a_few_lines():
    network = Tiny(0)
    many = ps.trace(attacks.over_optimized(2), network, make_set(network), victims={f"v{i}": Tiny(i) for i in range(9)})
    assert "... and 4 more victims" in repr(many)
    assert len(repr(many).splitlines()) <= 12


def test_a_notebook_shows_the_figure_and_no_markup_of_names(trace):
    html = trace._repr_html_()
    assert "<v>" not in html
    assert "data:image/png;base64," in html
    HTMLParser().feed(html)


def test_a_plot_goes_where_it_is_wanted(trace, tmp_path):
    trace.plot(str(tmp_path / "a.png"))
    assert Image.open(tmp_path / "a.png").size[0] > 500


def test_a_folder_holds_what_the_trace_holds(trace, tmp_path):
    folder = trace.save(tmp_path / "run")
    assert pl.read_parquet(folder / "steps.parquet").equals(trace.steps)
    assert pl.read_parquet(folder / "transfers.parquet").equals(trace.transfers)
    kept = sorted(int(path.stem) for path in (folder / "images" / "over-optimized").glob("00000-*/*.png"))
    assert kept == [0, 2, 6]
    with pytest.raises(RunError, match="exists already"):
        trace.save(folder)


def test_a_report_is_a_page_that_needs_nothing_else(trace, tmp_path):
    page = trace.report(str(tmp_path / "run"))
    text = page.read_text()
    assert "&lt;v&gt;" in text
    assert "<v>" not in text
    assert "looked at" not in text
    assert (tmp_path / "run" / "figures" / "iterations.png").is_file()


def test_floats_are_the_images_that_they_stand_for(trace):
    photos, attack = trace.job.examples, attacks.over_optimized(6, 0.005)
    floats = photos.images.float() / 255
    again = ps.trace(attack, Tiny(0), floats, photos.labels, ids=photos.ids, victims={"<v>": Tiny(5), "w": Tiny(6)})
    assert again.steps.equals(trace.steps)
    with pytest.warns(PresoftmaxWarning, match=r"up to 0\.\d+ grey levels off the 8-bit ones; they are rounded"):
        moved = ps.trace(
            attack, Tiny(0), (floats + 0.4 / 255).clamp(0, 1).numpy(), photos.labels.tolist(), ids=photos.ids
        )
    assert moved.steps.equals(trace.steps)


def test_its_last_images_are_judged(trace):
    judged = trace.judge()
    expected = ps.judge(trace.job.source, trace.job.examples, trace.images, victims={"<v>": Tiny(5), "w": Tiny(6)})
    assert judged.table.equals(expected.table)
    assert judged.transfers.equals(expected.transfers)
