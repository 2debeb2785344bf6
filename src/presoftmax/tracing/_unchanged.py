"""What need not be computed again: examples that have halted.

Where an image is rounded after each step and the step depends on nothing but the image, one that a step did not change
never changes again. Its logits, its gradient and the victims' logits are those of the iteration before, for ever.

Every number stays what it was to the last bit. Two things that are true of the networks that are run here, but of no
network by necessity, are tried before they are relied on, with the networks and images at hand: that a pass gives the
same twice; and that an example's rows depend neither on its place in a batch nor on who else is there, so that batches
can be refilled with the examples that still move. The size of a batch stays what it was, since kernels choose by it how
they sum up.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from presoftmax.attacks import Identity, Scaled, Smoothed
from presoftmax.models import Classifier, ask
from presoftmax.tracing._rows import Rows
from presoftmax.tracing.job import Job

__all__ = ["Refilled", "Unchanged", "may_halt", "never_draws"]

_PIECES = "presoftmax.attacks."
_WORTH = 2
"""So many times the passes of a trial must be saved."""


def may_halt(job: Job) -> bool:
    """Whether an image that a step did not change stays as it is.

    Pieces of the user's own may draw numbers, or remember; a black box may answer as it likes. On a GPU, to look would
    be to wait for it.
    """
    attack, networks = job.attack, (job.source, *job.victims)
    update = attack.update
    while isinstance(update, Smoothed):
        update = update.update
    pieces = (attack.update, update, attack.objective, attack.constraint, *attack.views)
    return (
        attack.discretization.steps_from_pixels
        and attack.start is None
        and all(type(each).__module__.startswith(_PIECES) for each in pieces)
        and not update.looks_ahead
        and update.start(job.examples.images[:0].float()) is None
        and not hasattr(attack.objective, "function")
        and all(isinstance(each, Identity | Scaled) for each in attack.views)
        and all(isinstance(each, Classifier) and each.device.type == "cpu" for each in networks)
    )


@torch.no_grad()
def never_draws(job: Job) -> bool:
    """Whether each network says the same twice of the first images: one that draws numbers does not."""
    pixels = job.examples.images[: job.batch_size]
    with torch.random.fork_rng(devices=[]):
        return all(_bits(ask(network, pixels)) == _bits(ask(network, pixels)) for network in (job.source, *job.victims))


class Refilled:
    """A batch of examples that still move, of several batches; full, if need be with copies."""

    def __init__(self, parts: Sequence[tuple[Rows, int]], size: int) -> None:
        self._parts: dict[Rows, list[int]] = {}
        for rows, place in parts:
            self._parts.setdefault(rows, []).append(place)
        copies = [(parts[0][0], [parts[0][1]] * (size - len(parts)))]
        self.rows = Rows.gathered([*self._parts.items(), *copies])

    def give_back(self) -> None:
        """What came of them, to the batches that they are of."""
        start = 0
        for rows, places in self._parts.items():
            rows.take(places, self.rows, start)
            start += len(places)


class Unchanged:
    """Says which batches of a job need not be computed, and refills those of which a part need not be.

    Args:
        job: the job.
        attack: shows some examples to the models, and steps.
    """

    def __init__(self, job: Job, attack: Callable[[Rows], None]) -> None:
        self._size, self._attack = job.batch_size, attack
        self.possible = may_halt(job)
        self._repeats: bool | None = None
        self._anywhere: bool | None = None

    def whole(self, rows: Rows) -> bool:
        """Whether what is known of these examples is also true of the iteration under way."""
        if not self.possible or any(rows.moved):
            return False
        if self._repeats is None:
            self._repeats = self.possible = self._same_again(rows)
        return self._repeats

    def refilled(self, moving: Sequence[Rows], left: int) -> list[Refilled]:
        """Full batches of what still moves, where there are fewer of them than batches; ``left`` iterations remain."""
        full = [rows for rows in moving if len(rows) == self._size]
        active = [(rows, place) for rows in full for place, moved in enumerate(rows.moved) if moved]
        saved = len(full) - -(-len(active) // self._size)
        if not self.possible or saved <= 0 or left == 0:
            return []
        if self._anywhere is None and saved * left > _WORTH * 2 * (1 + self._size):
            self._anywhere = self._same_anywhere(*full[:2])
        if not self._anywhere:
            return []
        return [Refilled(active[i : i + self._size], self._size) for i in range(0, len(active), self._size)]

    def _same_again(self, rows: Rows) -> bool:
        """Whether the models say of images what they said of the same ones before."""
        return _of_all(self._tried([(rows, list(range(len(rows))))])) == _of_all(rows)

    def _same_anywhere(self, first: Rows, second: Rows) -> bool:
        """Whether each example of two batches gets the same at every place, whoever is beside it."""
        size, both = self._size, (first, second)
        alone = [_of_each(self._tried([(rows, list(range(size)))])) for rows in both]
        for shift in range(size):
            for parity in range(2):
                mixed = [((place + parity) % 2, (place + shift) % size) for place in range(size)]
                found = _of_each(self._tried([(both[which], [row]) for which, row in mixed]))
                if found != [alone[which][row] for which, row in mixed]:
                    return False
        return True

    def _tried(self, parts: Sequence[tuple[Rows, list[int]]]) -> Rows:
        """What would come of these examples; nothing of it stays."""
        with torch.random.fork_rng(devices=[]):
            copy = Rows.gathered(parts)
            self._attack(copy)
        return copy


def _of_each(rows: Rows) -> list[bytes]:
    """All bits that came of each example."""
    found = _values(rows)
    return [b"".join(_bits(each[i]) for each in found) for i in range(len(rows))]


def _bits(values: Tensor) -> bytes:
    found: bytes = values.detach().contiguous().numpy().tobytes()
    return found


def _of_all(rows: Rows) -> bytes:
    return b"".join(_of_each(rows))


def _values(rows: Rows) -> list[Tensor]:
    answers = rows.answers
    assert answers is not None
    return [answers.source, answers.vanished, *answers.victims, rows.state.floats]
