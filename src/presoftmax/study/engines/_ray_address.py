"""Whether somebody answers at a Ray cluster's address, asked in seconds: Ray itself tries for a quarter of an hour."""

import os
import socket
from typing import Any

from presoftmax.errors import StudyError, first_line

__all__ = ["answers", "check_address"]

_SECONDS = 5.0
# What every client of HTTP/2, and so of gRPC, says first: the preface, and settings of which none is another.
_HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
_FRAME, _SETTINGS = 9, 4


def check_address(ray: Any, address: str | None) -> None:
    """Refuse the address of a cluster at which nobody answers, or somebody who is no Ray.

    Args:
        ray: the package.
        address: as for ``ray.init``: ``HOST:PORT``, ``ray://HOST:PORT``, ``auto``, ``local``; None may be one of the
            environment.

    Raises:
        StudyError: it is no address, or there is no cluster.
    """
    if address is not None and not address.strip():
        raise StudyError("--address is empty: give HOST:PORT or auto")
    try:
        found = ray._private.services.canonicalize_bootstrap_address(_without_scheme(address))
    except Exception as error:  # of Ray or of the network, of many classes
        raise StudyError(f"--address {address}: {first_line(error)}") from error
    if found is None:
        return
    host, _, port = found.rpartition(":")
    shown = address if address in (None, found) else f"{address} ({found})"
    where = f"--address {shown}" if address else f"RAY_ADDRESS {found}"
    if not port.isdecimal() or not 0 < int(port) < 2**16:
        raise StudyError(f"{where}: not HOST:PORT")
    try:
        answer = _hello(host.strip("[]"), int(port))
    except OSError as error:
        raise StudyError(
            f"{where}: no Ray cluster answers ({error.strerror or error}); 'ray start --head' starts one, 'ray status' "
            "says where one is"
        ) from error
    if not _is_grpc(answer):
        raise StudyError(f"{where}: what answers is no Ray cluster")


def answers(address: str) -> bool:
    """Whether a cluster answers at ``HOST:PORT``."""
    host, _, port = address.rpartition(":")
    try:
        return _is_grpc(_hello(host.strip("[]"), int(port)))
    except OSError:
        return False


def _without_scheme(address: str | None) -> str | None:
    return address.removeprefix("ray://").split("/")[0] if address else None


def _hello(host: str, port: int) -> bytes:
    """The first bytes of the answer to a client of gRPC."""
    with socket.create_connection((host, port), _SECONDS) as connection:
        if os.environ.get("RAY_USE_TLS", "0") not in ("", "0"):
            return bytes([0, 0, 0, _SETTINGS, 0, 0, 0, 0, 0])  # it would not answer one who cannot show who he is
        connection.sendall(_HELLO)
        return connection.recv(_FRAME, socket.MSG_WAITALL)


def _is_grpc(answer: bytes) -> bool:
    """Whether an answer begins with settings, as that of a server of HTTP/2 does."""
    return len(answer) == _FRAME and answer[3] == _SETTINGS
