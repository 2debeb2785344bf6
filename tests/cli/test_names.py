"""Whatever a name holds, it reaches the terminal as text on its line."""

from io import StringIO

import pytest
from rich.progress import Progress

from presoftmax.cli import app, display
from presoftmax.errors import DataError, ModelError, PresoftmaxWarning, first_line
from presoftmax.progress import Bar
from presoftmax.text import LINE, NAME
from tests.text.nasty import NASTY
from tests.text.test_printable import is_harmless

EVERY_NAME = pytest.mark.parametrize("name", NASTY.values(), ids=NASTY)


@pytest.fixture
def console():
    """What a command prints to, with plenty of room."""
    console = display.terminal()
    console.file, console.width = StringIO(), 2 * LINE
    return console


def printed(console):
    """The lines that were printed."""
    lines = console.file.getvalue().split("\n")
    assert all(map(is_harmless, lines)), lines
    return lines[:-1]


@EVERY_NAME
def test_a_row_of_a_table_is_a_line(console, name):
    table = display.plain_table((name, "next"), left=(name,))
    table.add_row(name, "2")
    console.print(table)
    lines = printed(console)
    assert len(lines) == 2
    assert all(len(line) <= 3 * NAME for line in lines)  # a Chinese letter is two columns wide


@EVERY_NAME
def test_a_line_is_a_line(console, name):
    display.say(console, f"\n\nThe report is in {name}")
    lines = printed(console)
    assert lines[:2] == ["", ""]
    assert len(lines) == 3
    assert len(lines[2]) <= LINE
    console.print(f"model {name}", soft_wrap=True)
    printed(console)


@EVERY_NAME
def test_a_progress_bar_names_it_on_its_line(console, name):
    bar = Progress(display.plain_text("{task.description} {task.fields[seen]}"), console=console)
    bar.add_task(name, seen=name)
    console.print(bar.get_renderable())
    assert len(printed(console)) == 1


@EVERY_NAME
@pytest.mark.parametrize("error", [DataError, ModelError, ValueError])
def test_an_error_is_one_line(capsys, monkeypatch, name, error):
    def refuse():
        raise error(f"{name}: no usable image in {name}") if error is not ValueError else OSError(2, name, name)

    monkeypatch.setattr(app, "app", refuse)
    with pytest.raises(SystemExit):
        app.main()
    _one_line(capsys.readouterr().err, "presoftmax: error: ")


@EVERY_NAME
def test_a_warning_is_one_line(capsys, name):
    app._show_warning(PresoftmaxWarning(f"{name} answers with probabilities"), PresoftmaxWarning)
    _one_line(capsys.readouterr().err, "presoftmax: warning: ")


@EVERY_NAME
def test_somebody_elses_message_is_one_line(name):
    assert is_harmless(first_line(RuntimeError(name)))
    assert len(first_line(RuntimeError(name))) <= 160


@EVERY_NAME
def test_a_line_of_a_log_is_one(capsys, name):
    times = iter(range(0, 10_000, 100))
    with Bar(f"attack {name}", 10, wanted=True, clock=lambda: next(times)) as bar:
        bar.advance(5, seen=name)
    _one_line(capsys.readouterr().err, "attack ")


def _one_line(text, begin):
    assert text.startswith(begin)
    assert text.endswith("\n")
    assert is_harmless(text[:-1]), text[:200]
    assert len(text) <= LINE + len(begin) + 1
