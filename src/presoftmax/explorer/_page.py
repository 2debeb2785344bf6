"""The page: HTML, style and modules of ``static/``; as files of a server or a bundle, or all in one.

A browser loads no modules from a page that was opened from disk, so there they stand one after the other in one script.
They are written for it: a name is one thing in all of them, and an import brings it as it is.
"""

import re
from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib.resources import files

__all__ = ["POLICY", "STATIC", "bundle_page", "one_file", "static_file"]

# In the order in which they need each other.
_MODULES = (
    "dom",
    "format",
    "source",
    "state",
    "motion",
    "plot",
    "scatter",
    "bars",
    "timeline",
    "pictures",
    "list",
    "save",
    "app",
)
STATIC = {
    "index.html": "text/html; charset=utf-8",
    "explorer.css": "text/css; charset=utf-8",
    **{f"{name}.js": "text/javascript; charset=utf-8" for name in _MODULES},
}
"""Every file of the page, and what it is."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'"
)
"""What the page may load where it is not one file: its own files, and nothing inline."""

_IMPORT = re.compile(r"^import [^;]*;\n", re.MULTILINE)
_EXPORT = re.compile(r"^export ", re.MULTILINE)
_STYLE = '<link rel="stylesheet" href="explorer.css">'
_SCRIPT = '<script type="module" src="app.js"></script>'


@cache
def static_file(name: str) -> bytes:
    """One of `STATIC`; raises KeyError for any other name."""
    if name not in STATIC:
        raise KeyError(name)
    return files("presoftmax.explorer").joinpath("static", name).read_bytes()


def bundle_page() -> bytes:
    """``index.html`` for any web server, which says nothing of a policy: the page brings its own."""
    meta = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    return static_file("index.html").decode().replace(_STYLE, f"{meta}\n{_STYLE}").encode()


def one_file(embedded: Mapping[str, str]) -> str:
    """The page with everything in it.

    Args:
        embedded: JSON by the id of the element that holds it. Nothing in it can end that element.
    """
    style = static_file("explorer.css").decode()
    script = "\n".join(_module(name) for name in _MODULES)
    held = "\n".join(
        f'<script type="application/json" id="{name}">{_inert(text)}</script>' for name, text in embedded.items()
    )
    policy = f"default-src 'none'; img-src data: blob:; style-src {_hash(style)}; script-src {_hash(script)}"
    page = static_file("index.html").decode()
    head = f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n<style>{style}</style>'
    return page.replace(_STYLE, head).replace(_SCRIPT, f'{held}\n<script type="module">{script}</script>')


def _module(name: str) -> str:
    text = static_file(f"{name}.js").decode()
    return _EXPORT.sub("", _IMPORT.sub("", text))


def _inert(text: str) -> str:
    """JSON in which no tag, comment or line separator of JavaScript can begin."""
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
