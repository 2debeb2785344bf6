"""What Ray says goes to a file: of a machine that died it says fifty lines, between those of the study."""

import logging
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any, TextIO

__all__ = ["ray_apart", "ray_log"]

_THREADS = "ray_"  # how Ray names its threads
_STDERR = 2


def ray_log() -> Path:
    """Where this process keeps what Ray says."""
    return Path(tempfile.gettempdir()) / f"presoftmax-ray-{os.getpid()}.log"


@contextmanager
def ray_apart(path: Path) -> Iterator[None]:
    """Inside, what Ray's threads print, what its loggers say and what its C++ writes to stderr goes to the file.

    What the rest of this process prints goes where it did. The file is taken away where nothing was said.
    """
    with path.open("a", encoding="utf-8", buffering=1) as log, ExitStack() as stack:
        stack.callback(_remove_if_empty, path)
        terminal = stack.enter_context(_own_stderr(log))
        stack.enter_context(redirect_stderr(_Apart(terminal, log)))
        stack.enter_context(redirect_stdout(_Apart(sys.stdout, log)))
        stack.enter_context(_logger_to(log))
        yield


class _Apart:
    """A stream that Ray's threads do not write to."""

    def __init__(self, stream: TextIO, log: TextIO) -> None:
        self._stream, self._log = stream, log

    def write(self, text: str) -> int:
        is_ray = threading.current_thread().name.startswith(_THREADS)
        return (self._log if is_ray else self._stream).write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def _own_stderr(log: TextIO) -> Iterator[TextIO]:
    """Where stderr goes now, as a stream; the file descriptor itself leads to the log inside."""
    try:
        direct = sys.stderr.fileno() == _STDERR
    except (OSError, ValueError, AttributeError):  # a stream in memory
        direct = False
    sys.stderr.flush()
    kept = os.dup(_STDERR)
    os.dup2(log.fileno(), _STDERR)
    try:
        with os.fdopen(os.dup(kept), "w", encoding=sys.stderr.encoding, errors="replace", buffering=1) as terminal:
            yield terminal if direct else sys.stderr
    finally:
        os.dup2(kept, _STDERR)
        os.close(kept)


@contextmanager
def _logger_to(log: TextIO) -> Iterator[None]:
    with suppress(ImportError):
        import ray  # noqa: F401  # sets its logger up, which is then changed
    logger = logging.getLogger("ray")
    before = logger.handlers, logger.propagate
    logger.handlers, logger.propagate = [logging.StreamHandler(log)], False
    try:
        yield
    finally:
        logger.handlers, logger.propagate = before


def _remove_if_empty(path: Path) -> None:
    if path.stat().st_size == 0:
        path.unlink()
