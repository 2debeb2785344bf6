"""A bar where a person looks, lines in a log where they are wanted, nothing for what is soon done."""

import io

import pytest
import torch

import presoftmax as ps
from presoftmax.progress import bar
from presoftmax.progress.bar import Bar
from tests.conftest import Tiny, make_set


class Clock:
    """Seconds that pass only when they are told to."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def work(wanted, seconds, capsys, steps=100):
    clock = Clock()
    with Bar("attack", steps, wanted, clock) as shown:
        for _ in range(steps):
            clock.now += seconds / steps
            shown.advance()
    return capsys.readouterr()


def test_a_log_gets_a_line_now_and_then_where_it_is_wanted(capsys):
    out, lines = work(True, 100, capsys)
    assert out == ""
    assert lines.splitlines()[0] == "attack: 30 of 100, about 70 s left"
    assert len(lines.splitlines()) == 3


@pytest.mark.parametrize("wanted", [None, False])
def test_a_log_gets_nothing_otherwise(wanted, capsys):
    assert work(wanted, 100, capsys) == ("", "")


def test_what_is_soon_done_shows_nothing(capsys):
    assert work(True, 1.5, capsys) == ("", "")


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("wanted", "drawn"), [(None, True), (True, True), (False, False)])
def test_a_terminal_gets_a_bar_with_names_as_they_are(wanted, drawn, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    clock = Clock()
    with Bar("[red]attack", 4, wanted, clock) as shown:
        for _ in range(4):
            clock.now += 1
            shown.advance(seen="[/x]")
    assert ("[red]attack" in terminal.getvalue()) == drawn


@pytest.mark.parametrize("progress", [None, True, False])
def test_a_trace_and_a_judgment_are_the_same_with_and_without(progress, monkeypatch, capsys):
    monkeypatch.setattr(bar, "_SOON", 0.0)
    monkeypatch.setattr(bar, "_LINE", 0.0)
    network = Tiny(0)
    photos = make_set(network, 30)
    with pytest.warns(ps.errors.PresoftmaxWarning):
        trace = ps.trace(ps.attacks.over_optimized(3), network, photos, progress=progress)
        judged = ps.judge(network, photos, trace.images, victims={"v": Tiny(5)}, progress=progress)
    plain = ps.trace(ps.attacks.over_optimized(3), network, photos)
    assert torch.equal(trace.images, plain.images)
    assert judged.table.equals(plain.judge().table)
    said = capsys.readouterr().err
    assert ("over-optimized on Tiny: 4 of 4" in said) == (progress is True)
    assert ("judging: " in said) == (progress is True)
