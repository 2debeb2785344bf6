"""Pages that need nothing but themselves."""

from base64 import b64encode
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

__all__ = ["data_uri", "render"]


def render(template: str, **values: Any) -> str:
    """A template of ``report/templates`` with these values; whatever they hold is escaped."""
    environment = Environment(
        loader=PackageLoader("presoftmax.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template(template).render(**values)


def data_uri(png: Path | bytes) -> str:
    """A PNG, or the file of one, as an address that holds the picture itself."""
    content = png if isinstance(png, bytes) else png.read_bytes()
    return f"data:image/png;base64,{b64encode(content).decode()}"
