"""What a source of models is."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.util import find_spec
from os import PathLike
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qsl

from presoftmax.errors import ModelError
from presoftmax.models.classifier import BlackBox, Classifier

__all__ = ["Listed", "Provider", "Request", "require_package"]


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
        name = str(name)
        path, _, query = name.partition("?")
        try:
            options = dict(parse_qsl(query, strict_parsing=True)) if query else {}
        except ValueError:
            raise ModelError(f"model {name!r}: options are written ?weights=FILE&classes=M") from None
        return cls(name, path, options)

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
        path = Path(text).expanduser()
        named = path.suffix in {".pt", ".pth", ".safetensors", ".bin"} or path.is_file()
        return path if text and named else None


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

    def accepts(self, request: Request) -> bool:
        """Whether this provider knows a model of that name."""
        ...

    def load(self, request: Request) -> Classifier | BlackBox:
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
