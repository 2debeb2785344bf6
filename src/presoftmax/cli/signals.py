"""Ctrl-C, SIGTERM and a terminal that hangs up end a command alike: one line, nothing half-written, its status."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["interruptible", "status_of_signal"]

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
_last = int(signal.SIGINT)


def status_of_signal() -> int:
    """The exit status after the last signal: 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP."""
    return 128 + _last


@contextmanager
def interruptible() -> Iterator[None]:
    """Inside, each of these signals raises `KeyboardInterrupt`, once: a second one ends the process at once.

    A signal that is ignored stays so (``nohup``, and what a script starts in the background).
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    taken = [number for number in numbers if before[number] not in (signal.SIG_IGN, None)]

    def stop(number: int, frame: FrameType | None) -> None:
        global _last  # what the interpreter raises cannot say which signal it was
        _last = number
        for each in taken:
            signal.signal(each, signal.SIG_DFL)
        raise KeyboardInterrupt

    for number in taken:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, before[number])
