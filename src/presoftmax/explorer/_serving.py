"""Running the server: a socket of this machine alone, and word when it answers."""

import socket
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from presoftmax.errors import PresoftmaxError

if TYPE_CHECKING:
    from starlette.applications import Starlette

__all__ = ["run"]


def run(app: "Starlette", token: str, port: int, ready: Callable[[str], None]) -> None:
    """Serve until a signal ends it, which is no error.

    Raises:
        PresoftmaxError: uvicorn is not installed, or the port is taken.
    """
    try:
        import uvicorn
    except ImportError as error:
        raise PresoftmaxError("the local page needs uvicorn: pip install 'presoftmax[explore]'") from error
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(("127.0.0.1", port))
        except OSError as error:
            raise PresoftmaxError(f"--port {port}: cannot be used ({error.strerror or error}); give another") from error
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/{token}/"
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, server_header=False))
        listening.listen()  # so a browser that is faster than the server waits for it
        ready(address)
        with suppress(KeyboardInterrupt):  # the way to end it
            server.run(sockets=[listening])
