"""The answers by their addresses, the same for a server, a bundle and a single file."""

import json
import re
from collections.abc import Callable
from typing import Any

from presoftmax.explorer.view import View

__all__ = ["JSON", "PNG", "answer", "as_json"]

JSON, PNG = "application/json", "image/png"


def as_json(value: Any) -> str:
    """Compact, and without NaN."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def answer(view: View, path: str) -> tuple[bytes, str] | None:
    """What stands at an address below ``data/``, and what kind it is; None where nothing does.

    Addresses hold nothing but numbers, so none leads to a file that the run does not name.
    """
    for pattern, give in _ADDRESSES:
        found = pattern.fullmatch(path)
        if found is not None:
            try:
                content = give(view, *(int(number) for number in found.groups()))
            except IndexError:
                return None
            return content
    return None


def _json(value: Any) -> tuple[bytes, str]:
    return as_json(value).encode(), JSON


def _png(content: bytes | None) -> tuple[bytes, str] | None:
    return None if content is None else (content, PNG)


_Give = Callable[..., tuple[bytes, str] | None]
_ADDRESSES: tuple[tuple[re.Pattern[str], _Give], ...] = tuple(
    (re.compile(pattern, re.ASCII), give)
    for pattern, give in (
        (r"overview\.json", lambda view: _json(view.overview())),
        (r"frames/(\d{1,6})\.json", lambda view, stop: _json(view.frame(stop))),
        (r"examples/(\d{1,9})\.json", lambda view, n: _json(view.example(n))),
        (r"images/(\d{1,9})/(\d{1,9})\.png", lambda view, n, at: _png(view.image(n, at))),
        (r"thumbs/(\d{1,9})\.png", lambda view, n: _png(view.thumbnail(n))),
    )
)
