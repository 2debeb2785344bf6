"""Pages that need nothing but themselves."""

import re
from base64 import b64encode
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from presoftmax.report._glossary import explained
from presoftmax.text import LINE, counted, listed, no_minus_zero, printable

__all__ = ["data_uri", "render"]


_DATA = re.compile(r"data:image/[a-z]+;base64,[A-Za-z0-9+/=]*")


def render(template: str, **values: Any) -> str:
    """A template of ``report/templates`` with these values; whatever they hold is printable, and escaped.

    Terms are explained where a section first uses one (`explained`), and no number is ``-0``.

    In a template ``NAME | shown`` keeps a name as short as names are shown, ``NAMES | listed`` says a few of them.
    """
    environment = Environment(
        loader=PackageLoader("presoftmax.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        finalize=_finalized,
    )
    environment.filters.update(shown=printable, counted=counted, listed=listed, format=_formatted)
    return explained(environment.get_template(template).render(**values))


def _formatted(form: str, *values: Any) -> str:
    """Jinja's ``format``, for numbers."""
    return no_minus_zero(str(form) % values)


def _finalized(value: Any) -> Any:
    """What a template puts out: text is made printable, unless it is markup, or an image."""
    if not isinstance(value, str) or isinstance(value, Markup) or _DATA.fullmatch(value):
        return value
    return printable(value, LINE)


def data_uri(png: Path | bytes) -> str:
    """A PNG, or the file of one, as an address that holds the picture itself."""
    content = png if isinstance(png, bytes) else png.read_bytes()
    return f"data:image/png;base64,{b64encode(content).decode()}"
