"""What a source of models is."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.util import find_spec
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import unquote, unquote_plus

from presoftmax.errors import ModelError

if TYPE_CHECKING:
    from presoftmax.models.classifier import BlackBox, Classifier

__all__ = ["Listed", "Provider", "Request", "require_package"]

_OPTIONS = re.compile(r"\?(?=[A-Za-z_]+=)")
_NEXT_OPTION = re.compile(r"&(?=[A-Za-z_]+=)")
_WEIGHTS = {".pt", ".pth", ".safetensors", ".bin", ".ckpt", ".tar", ".th", ".pkl"}


@dataclass(frozen=True)
class Request:
    """A model's name, taken apart.

    Attributes:
        name: as the user wrote it.
        path: without the options.
        options: what stood behind the question mark.
    """

    name: str
    path: str
    options: dict[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, name: str | PathLike[str]) -> "Request":
        """Split ``PATH?key=value&...``; raises `ModelError` for options that are not ``key=value``."""
        if not isinstance(name, str | PathLike):
            raise TypeError(
                "a model's name is a text such as 'torchvision/resnet50', or a path such as 'net.py:build', got "
                f"{type(name).__name__}"
            )
        text = str(name)
        found = list(_OPTIONS.finditer(text))
        if not found:
            if "?" in text.rpartition(".py:")[2] and not text.endswith(".onnx"):
                raise ModelError(f"model {text!r}: options are written ?weights=FILE&classes=M")
            return cls(text, text)
        # A folder may be called so, too: options stand behind the name of a file, where one is there.
        if _is_of_a_file(text):
            return cls(text, text)
        at = next((each for each in found if _is_of_a_file(text[: each.start()])), found[0])
        return cls(text, text[: at.start()], _options(text, text[at.end() :]))

    def check_options(self, *known: str) -> None:
        """Raise `ModelError` for an option that is not among the known ones."""
        for key in self.options.keys() - set(known):
            allowed = f"known: {', '.join(known)}" if known else "it takes none"
            raise ModelError(f"model {self.name!r}: no option {key!r}; {allowed}")

    def num_classes(self) -> int | None:
        """The option ``classes``, a whole number of at least 2."""
        text = self.options.get("classes")
        if text is None:
            return None
        if not text.isdecimal() or int(text) < 2:
            raise ModelError(f"model {self.name!r}: classes={text} is not a whole number of at least 2")
        return int(text)

    def weights_file(self) -> Path | None:
        """The option ``weights`` where it names a file (by its ending, or because it is one)."""
        text = self.options.get("weights", "")
        paths = [Path(each).expanduser() for each in (text, unquote(text), unquote_plus(text))]
        # A name is taken as it is; of one that is no file, what it says when it is read as part of a URL.
        path = next((each for each in paths if each.is_file()), paths[0])
        named = path.suffix.lower() in _WEIGHTS or path.exists() or "/" in text
        return path if text and named else None


def _is_of_a_file(path: str) -> bool:
    file, _, name = path.rpartition(":")
    return Path(file if name.isidentifier() and file else path).expanduser().is_file()


def _options(name: str, query: str) -> dict[str, str]:
    """``key=value&...``; names of files keep every ``&``, ``+``, ``%`` and ``?`` in them."""
    options: dict[str, str] = {}
    key = ""
    for part in _NEXT_OPTION.split(query):
        joined = f"{options[key]}&{part}" if key else ""
        if joined and Path(joined).expanduser().is_file():
            options[key] = joined
            continue
        key, _, value = part.partition("=")
        if key in options:
            raise ModelError(f"model {name!r}: the option {key!r} is given twice")
        options[key] = value
    return options


@dataclass(frozen=True)
class Listed:
    """A line of the catalog.

    Attributes:
        name: what `load_model` takes.
        available: whether it loads here without fetching anything.
        needs: what is missing, in words; empty when it is available.
    """

    name: str
    available: bool
    needs: str


class Provider(Protocol):
    """A source of models."""

    def is_for(self, request: Request) -> bool:
        """Whether a name of this form is one of this provider's; no library is asked."""
        ...

    def accepts(self, request: Request) -> bool:
        """Whether this provider knows a model of that name."""
        ...

    def load(self, request: Request) -> "Classifier | BlackBox":
        """Build the model on the CPU; raises `ModelError`."""
        ...

    def short_name(self, request: Request) -> str:
        """How tables and figures call the model: no options, no folders."""
        ...

    def absolute_path(self, request: Request) -> str:
        """The request's path, absolute where it names a file."""
        ...

    def list(self) -> Iterable[Listed]:
        """All names it knows."""
        ...


def require_package(module: str, name: str, install: str) -> None:
    """Raise `ModelError` with the command that installs what a model needs."""
    if find_spec(module) is None:
        raise ModelError(f"model {name!r} needs the package {module}, which is not installed: {install}")
