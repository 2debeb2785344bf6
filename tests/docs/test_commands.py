"""Every ``presoftmax ...`` in the guides is a command that exists, with options that exist and arguments that fit."""

import re
import shlex

import pytest
import typer
from typer.testing import CliRunner

from presoftmax.cli.app import app
from tests.docs.pages import GUIDES, ROOT, snippets_of

COMMAND = typer.main.get_command(app)
OPTIONS = {option for parameter in COMMAND.params for option in parameter.opts}
_INLINE = re.compile(r"`(presoftmax -{0,2}[a-z][^`]*)`")
_ENDS = {"&&", "||", ";", "|", ">", "&"}
# `presoftmax score` in a sentence names the command; what it needs is not said there.
_NAMED_ALONE = 2


def shell_commands(code: str) -> list[list[str]]:
    """The words of each ``presoftmax`` command in shell code, line by line."""
    found = []
    for line in code.replace("\\\n", " ").splitlines():
        words = _words(line)
        while "presoftmax" in words:
            words = words[words.index("presoftmax") :]
            end = next((i for i, word in enumerate(words) if word in _ENDS), len(words))
            found.append(words[:end])
            words = words[end:]
    return found


def _words(line: str) -> list[str]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    return list(lexer)


def problem(words: list[str]) -> str | None:
    """What the command line would say of the words after ``presoftmax``; nothing is run."""
    if words[0].startswith("--"):  # parsing one of these would do what it says: --install-completion writes files
        return None if words[0] in OPTIONS else f"no option {words[0]}"
    try:
        with COMMAND.make_context("presoftmax", list(words)) as context:
            name, command, rest = COMMAND.resolve_command(
                context, [*getattr(context, "_protected_args", ()), *context.args]
            )
            command.make_context(name, rest, parent=context)
    except typer.Exit:
        return None
    except Exception as error:
        return f"{type(error).__name__}: {getattr(error, 'message', '') or error}"
    return None


def completed(words: list[str]) -> list[str]:
    """A sentence may end with the name of an option, as in `presoftmax demo --photos`: it gets a value."""
    with_value = [*words, "1"]
    return with_value if words[-1].startswith("--") and problem(with_value[1:]) is None else words


def commands() -> list[tuple[str, list[str]]]:
    found = []
    for page in GUIDES:
        name = str(page.relative_to(ROOT))
        for snippet in snippets_of(page, "bash"):
            found += [(f"{snippet.place}", words) for words in shell_commands(snippet.code)]
        inline = [shlex.split(each) for each in _INLINE.findall(page.read_text(encoding="utf-8"))]
        found += [(name, completed(words)) for words in inline if len(words) > _NAMED_ALONE]
        found += [(name, [*words, "--help"]) for words in inline if len(words) <= _NAMED_ALONE]
    return found


@pytest.mark.parametrize(("place", "words"), commands(), ids=lambda value: value if isinstance(value, str) else None)
def test_each_command_of_the_guides_is_understood(place, words):
    assert problem(words[1:]) is None, f"{place}: {shlex.join(words)}"


@pytest.mark.parametrize("wrong", [
    "nothing", "demo --imags 3", "demo --images three", "demo extra", "score", "run", "reproduce --panels x",
    "models --jsn", "--instal-completion",
])  # fmt: skip
def test_what_is_not_understood_is_found(wrong):
    assert problem(shlex.split(wrong)) is not None
    assert CliRunner().invoke(app, shlex.split(wrong)).exit_code != 0


@pytest.mark.parametrize(("words", "understood"), [
    ("demo --photos", True), ("demo --steps", True), ("saturation --json", True), ("demo --pictures", False),
])  # fmt: skip
def test_a_sentence_may_end_with_the_name_of_an_option(words, understood):
    whole = completed(["presoftmax", *words.split()])
    assert (problem(whole[1:]) is None) == understood


def test_commands_are_found_wherever_they_stand():
    code = "cd x && presoftmax demo  # a comment\npresoftmax run \\\n  a.toml --cpus 2 && presoftmax report x > y\n"
    assert [shlex.join(words) for words in shell_commands(code)] == [
        "presoftmax demo", "presoftmax run a.toml --cpus 2", "presoftmax report x"
    ]  # fmt: skip
    assert len(commands()) > 40
