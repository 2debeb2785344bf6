"""The explorer as a page of this machine alone: GET only, behind a token, nothing but what the run names."""

import secrets
from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING, Any

from presoftmax.errors import PresoftmaxError
from presoftmax.explorer._answers import answer
from presoftmax.explorer._page import POLICY, STATIC, static_file
from presoftmax.explorer.view import View

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["application", "new_token", "serve"]

_HEADERS = {
    "Content-Security-Policy": f"{POLICY}; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_OWN_NAMES = ("127.0.0.1", "localhost", "[::1]")


def new_token() -> str:
    """What stands in the address, so that no other page or user of the machine can guess it."""
    return secrets.token_urlsafe(24)


def application(view: View, token: str) -> "Starlette":
    """The server of a view, at ``/TOKEN/``.

    Raises:
        PresoftmaxError: the extra ``explore`` is not installed.
    """
    try:
        from starlette.applications import Starlette
        from starlette.routing import Route
    except ImportError as error:
        raise PresoftmaxError(
            "the local page needs starlette and uvicorn: pip install 'presoftmax[explore]'"
        ) from error
    give = _Answers(view, token)
    return Starlette(routes=[Route("/{path:path}", give.respond, methods=["GET"])])


class _Answers:
    """Who may ask, and what is answered."""

    def __init__(self, view: View, token: str) -> None:
        self._view, self._token, self._lock = view, token, Lock()

    def respond(self, request: "Request") -> "Response":
        """Answer one request; starlette runs it beside the event loop."""
        from starlette.responses import Response

        if not _is_own(request.headers):
            return Response("refused", 403, _HEADERS)
        given, _, path = request.path_params["path"].partition("/")
        if not secrets.compare_digest(given.encode(), self._token.encode()):
            return Response("not found", 404, _HEADERS)
        found = self._find(path)
        if found is None:
            return Response("not found", 404, _HEADERS)
        content, kind = found
        return Response(content, 200, _HEADERS, media_type=kind)

    def _find(self, path: str) -> tuple[bytes, str] | None:
        name = path or "index.html"
        if name in STATIC:
            return static_file(name), STATIC[name]
        if not path.startswith("data/"):
            return None
        with self._lock:  # of one reader of tables: polars uses all cores by itself
            return answer(self._view, path.removeprefix("data/"))


def _is_own(headers: Any) -> bool:
    """Whether a request was meant for this machine, and sent by the page itself or by nobody's page.

    A name that another site lets point here (DNS rebinding) stands in Host, another page in Origin.
    """
    host = headers.get("host", "")
    if _name_of(host) not in _OWN_NAMES:
        return False
    origin = headers.get("origin")
    if origin is not None and origin != f"http://{host}":
        return False
    return headers.get("sec-fetch-site", "none") in ("none", "same-origin")


def _name_of(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdecimal() else host


def serve(view: View, token: str, port: int, ready: Callable[[str], None]) -> None:
    """Serve until Ctrl-C, on 127.0.0.1; ``ready`` is told the address once it answers."""
    from presoftmax.explorer._serving import run

    run(application(view, token), token, port, ready)
