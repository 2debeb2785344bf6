"""Examples that are attacked together, and what came of their last iteration."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from presoftmax.attacks import Goal
from presoftmax.tracing.step import AttackState

__all__ = ["Answers", "Rows"]


class Answers(NamedTuple):
    """What the models say of the images of an iteration.

    Attributes:
        pixels: uint8 ``(N, C, H, W)``, the images.
        vanished: bool ``(N,)``, whose gradient has.
        source: ``(N, M)``, the source's logits.
        victims: of each victim, likewise.
        floats: the source's of the float images, where it saw those.
    """

    pixels: Tensor
    vanished: Tensor
    source: Tensor
    victims: list[Tensor]
    floats: Tensor | None = None

    def with_rows(self, places: Tensor, other: "Answers", start: int) -> "Answers":
        """The same with rows of others' at these places, of what they say from ``start`` on; never in place."""

        def put(ours: Tensor, theirs: Tensor) -> Tensor:
            return ours.index_copy(0, places, theirs[start : start + len(places)])

        victims = [put(*pair) for pair in zip(self.victims, other.victims, strict=True)]
        return Answers(
            put(self.pixels, other.pixels), put(self.vanished, other.vanished), put(self.source, other.source), victims
        )


class Rows:
    """Examples between two iterations.

    Attributes:
        state: where their images are.
        stopped: bool ``(N,)``, which do not move any more because they are as strong as wanted.
        answers: of the last iteration.
        moved: which images the last step has changed; all, as long as nobody looked.
    """

    def __init__(self, state: AttackState, goal: Goal | Callable[[Tensor], Goal], stopped: Tensor) -> None:
        self.state, self.stopped, self._goal = state, stopped, goal
        self.answers: Answers | None = None
        self.moved = [True] * len(stopped)

    @property
    def is_new(self) -> bool:
        """Whether no pass was made of them yet."""
        return not isinstance(self._goal, Goal)

    @property
    def known(self) -> Answers:
        """The answers of the last iteration."""
        assert self.answers is not None  # there was one
        return self.answers

    @property
    def goal(self) -> Goal:
        """What the attack knows of them; settled by the first pass."""
        assert isinstance(self._goal, Goal)
        return self._goal

    def settle(self, logits: Tensor) -> Goal:
        """The goal; made of the source's logits of the clean images where there is none yet."""
        if not isinstance(self._goal, Goal):
            self._goal = self._goal(logits)
        return self._goal

    def __len__(self) -> int:
        return len(self.stopped)

    @classmethod
    def gathered(cls, parts: Sequence[tuple["Rows", list[int]]]) -> "Rows":
        """Copies of some examples of several, in this order."""
        fields = zip(*([field[places] for field in rows.goal] for rows, places in parts), strict=True)
        state = AttackState.gathered([(rows.state, places) for rows, places in parts])
        return cls(state, Goal(*map(torch.cat, fields)), torch.cat([rows.stopped[places] for rows, places in parts]))

    def take(self, places: list[int], other: "Rows", start: int) -> None:
        """Take what came of some of these examples elsewhere, from its row ``start`` on."""
        ours, theirs = self.known, other.known
        at = torch.tensor(places, device=self.stopped.device)
        self.answers = ours.with_rows(at, theirs, start)
        self.stopped = self.stopped.index_copy(0, at, other.stopped[start : start + len(places)])
        self.state.take(at, other.state, start)
        for place, moved in zip(places, other.moved[start:], strict=False):
            self.moved[place] = moved
