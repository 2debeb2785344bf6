"""A victim that may never answer: each call has a time limit, and is made again a few times.

A call runs in a thread of its own. Python cannot end a thread: a call that is given up goes on in the background until
it comes back, and one that keeps the interpreter to itself (a C function that does not let other threads run) stops
everything, the time limit too.
"""

import contextvars
import queue
import threading
from collections.abc import Callable
from typing import Any
from weakref import finalize

import torch
from torch import Tensor

__all__ = ["ATTEMPTS", "Patient"]

ATTEMPTS = 3
_Answers = queue.SimpleQueue[tuple[Any, BaseException | None]]
_Call = tuple[contextvars.Context, bool, Tensor, _Answers] | None


class Patient:
    """A callable that is asked again when it has not answered in time, and given up after `ATTEMPTS`.

    Args:
        function: any callable from images to logits.
        seconds: how long each call may take.

    Attributes:
        unanswered: calls so far that were not answered in time.
    """

    def __init__(self, function: Callable[[Tensor], Any], seconds: float) -> None:
        self.function, self.seconds = function, seconds
        self.unanswered = 0
        self._calls: queue.SimpleQueue[_Call] | None = None
        self._leave: Callable[[], Any] = lambda: None

    def __call__(self, images: Tensor) -> Any:
        """The function's answer.

        Raises:
            TimeoutError: none of the calls was answered in time.
        """
        for _ in range(ATTEMPTS):
            answers: _Answers = queue.SimpleQueue()
            self._thread().put((contextvars.copy_context(), torch.is_grad_enabled(), images, answers))
            try:
                answer, error = answers.get(timeout=self.seconds)
            except queue.Empty:
                self.unanswered += 1
                self._leave()
                self._calls = None
                continue
            if error is not None:
                raise error
            return answer
        raise TimeoutError(
            f"no answer within {self.seconds:g} s, {ATTEMPTS} times; see to it or raise victim_timeout, and run again"
        )

    def _thread(self) -> "queue.SimpleQueue[_Call]":
        """Where the thread takes its calls from; it is kept as long as it answers: PyTorch has threads for each."""
        if self._calls is None:
            self._calls = queue.SimpleQueue()
            threading.Thread(target=_serve, args=(self.function, self._calls), name="victim", daemon=True).start()
            self._leave = finalize(self, self._calls.put, None)
        return self._calls


def _serve(function: Callable[[Tensor], Any], calls: "queue.SimpleQueue[_Call]") -> None:
    while (call := calls.get()) is not None:
        context, gradients, images, answers = call
        try:
            with torch.set_grad_enabled(gradients):  # the caller's, which is of its thread
                answers.put((context.run(function, images), None))
        except BaseException as error:  # the caller raises it
            answers.put((None, error))
        del call, context, images, answers
