"""The state of a batch between two iterations: `forward`, then `backward`, then `step`.

The backward pass is apart from the step so that victims can look in between, when the memory of the graph is free.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass

import torch
from torch import Tensor

from presoftmax.attacks import Attack, Draws, Goal, Identity, as_objective, to_floats, to_pixels, vanished
from presoftmax.data import ImageSet
from presoftmax.errors import AttackError, PresoftmaxError, first_line
from presoftmax.models import Classifier, ask, is_out_of_memory
from presoftmax.printing import Printed
from presoftmax.tracing._gradients import check_graph, check_reaches, differentiate

__all__ = ["AttackState", "ForwardPass"]


@dataclass(frozen=True, repr=False)
class ForwardPass(Printed):
    """The source's logits of the images of an iteration.

    Attributes:
        pixels: uint8 ``(N, C, H, W)``, what is recorded and what victims see.
        seen: float images that the source saw.
        logits: ``(N, M)``; with the graph back to ``seen`` where a gradient is taken from this very pass.
    """

    pixels: Tensor
    seen: Tensor
    logits: Tensor


@contextmanager
def _named(what: str) -> Iterator[None]:
    """Whatever somebody's piece raises is said with its name; memory that is too small stays what it is."""
    try:
        yield
    except PresoftmaxError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise AttackError(f"{what} raised {type(error).__name__}: {first_line(error)}") from error


class AttackState:
    """Where the images of a batch are, and what the update remembers.

    A plain attack takes its gradient from the forward pass that is recorded. What else its views, or an update that
    looks ahead, want to see costs passes of their own.

    Attributes:
        clean: uint8 ``(N, C, H, W)``, on the source's device.
        floats: float images in [0, 1], those of the iteration under way.
    """

    def __init__(self, attack: Attack, source: Classifier, batch: ImageSet, seed: int) -> None:
        self._attack, self._source = attack, source
        self._objective = as_objective(attack.objective)
        self._ids, self._seed = batch.ids, seed
        self._iteration, self._reached = 0, False
        self.clean = batch.images.to(source.device)
        self._clean_floats = self.floats = to_floats(self.clean)
        self._variable = attack.space.variable(self.floats)
        self._memory = attack.update.start(self.floats)
        self._gradients: tuple[Tensor, ...] | None = None

    def forward(self) -> ForwardPass:
        """Show the source the images as they are now."""
        attack = self._attack
        pixels = to_pixels(self.floats)
        seen = (to_floats(pixels) if attack.discretization.source_sees_pixels else self.floats).detach()
        if self._takes_gradient() and attack.recorded_pass_serves:
            return ForwardPass(pixels, seen.requires_grad_(True), ask(self._source, seen))
        with torch.no_grad():
            return ForwardPass(pixels, seen, ask(self._source, seen))

    def backward(self, forward: ForwardPass, goal: Goal) -> Tensor:
        """Take the gradients of the next step; returns for which examples they vanished, bool ``(N,)``."""
        self._gradients = None
        if not self._takes_gradient():
            return torch.zeros_like(goal.labels, dtype=torch.bool)
        images, logits = self._views(forward)
        check_graph(self._source, logits)
        values = self._values(logits, goal)
        by_logit, first = differentiate(self._source, values[0].sum(), (logits, images), again=len(values) > 1)
        others = [differentiate(self._source, value.sum(), (images,), again=True)[0] for value in values[1:]]
        if not self._reached:
            # Once: this waits for the device.
            check_reaches(self._source, by_logit, first)
            self._reached = True
        penalty = self._attack.constraint.penalty_gradient(forward.seen.detach(), self._clean_floats)
        self._gradients = (first if penalty is None else first + penalty, *others)
        return vanished(self._gradients, by_logit, self._objective.loss_class(goal))

    @torch.no_grad()
    def step(self, forward: ForwardPass, stopped: Tensor | None = None) -> None:
        """Make the images of the next iteration; those whose gradient is not finite stay as they are.

        Args:
            forward: the pass of the iteration under way.
            stopped: images that do not move any more, bool ``(N,)``.
        """
        attack, std, before = self._attack, self._source.std, self.floats
        if attack.start is not None and self._iteration == 0:
            started = attack.start(self._clean_floats, self._draws()).clamp(0, 1)
            self._variable = attack.space.variable(started)
        elif self._gradients is not None:
            rounds = attack.discretization.steps_from_pixels
            origin = attack.space.variable(forward.seen.detach()) if rounds else self._variable
            # A channels_last network gives the gradient in its layout, which the images do not have: mixed, each
            # operation takes several times as long.
            finite = (each.contiguous().nan_to_num_(0.0, 0.0, 0.0) for each in self._gradients)
            gradients = tuple(attack.space.gradient(each, origin, std) for each in finite)
            with _named(f"the update {type(attack.update).__name__}"):
                step, self._memory = attack.update.step(gradients, self._memory)
            self._variable = attack.space.moved(origin, step, std)
        self.floats = attack.constraint.project(attack.space.images(self._variable), self._clean_floats).clamp_(0, 1)
        if stopped is not None:
            self.floats = torch.where(stopped[:, None, None, None], before, self.floats)
        if not attack.space.is_unbounded:
            self._variable = self.floats
        self._iteration += 1

    @classmethod
    def gathered(cls, parts: Sequence[tuple["AttackState", list[int]]]) -> "AttackState":
        """Some examples of several states of one attack at one iteration, whose update remembers nothing."""
        found = copy(parts[0][0])
        for name in ("clean", "_clean_floats", "floats", "_variable"):
            setattr(found, name, torch.cat([getattr(state, name)[rows] for state, rows in parts]))
        found._ids = tuple(state._ids[row] for state, rows in parts for row in rows)
        found._gradients = None
        return found

    def take(self, rows: Tensor, other: "AttackState", start: int) -> None:
        """Take the images of some examples, which moved elsewhere, from its row ``start`` on; never in place."""
        for name in ("floats", "_variable"):
            theirs = getattr(other, name)[start : start + len(rows)]
            setattr(self, name, getattr(self, name).index_copy(0, rows, theirs))

    @property
    def has_next(self) -> bool:
        """Whether there is a next iteration."""
        return self._iteration < self._attack.steps

    def differs_from(self, pixels: Tensor) -> list[bool]:
        """Whose image is another one than these; waits for the device."""
        changed: list[bool] = (to_pixels(self.floats) != pixels).flatten(1).any(dim=1).cpu().numpy().tolist()
        return changed

    def pass_over(self) -> None:
        """The iteration under way is over, and no image moved here."""
        self._iteration += 1

    def _values(self, logits: Tensor, goal: Goal) -> Tensor:
        """The objective's numbers ``(gradients, N)``."""
        name = f"the objective {type(self._objective).__name__}"
        with _named(name):
            values = self._objective(logits, goal)
        wanted = (self._objective.gradients, len(goal.labels))
        single = isinstance(values, Tensor) and values.shape == wanted[1:] and wanted[0] == 1
        if not single and (not isinstance(values, Tensor) or values.shape != wanted):
            got = tuple(values.shape) if isinstance(values, Tensor) else type(values).__name__
            raise AttackError(f"{name} gave {got} for {wanted[1]} examples; expected {wanted[1:]}")
        if not values.requires_grad:
            raise AttackError(f"{name} gave numbers without a gradient: it must be differentiable in the logits")
        return values.reshape(wanted)

    def _takes_gradient(self) -> bool:
        """Whether there is a next step, and it needs a gradient."""
        begins = self._iteration == 0 and self._attack.start is not None
        return not begins and self._iteration < self._attack.steps

    def _views(self, forward: ForwardPass) -> tuple[Tensor, Tensor]:
        """The images in which the gradient is taken, and the logits ``(V, N, M)`` of all views of them."""
        attack = self._attack
        if attack.recorded_pass_serves:
            images = forward.seen
        else:
            images = forward.seen.detach()
            if attack.update.looks_ahead:
                images = attack.space.moved(images, attack.update.ahead(self._memory), self._source.std)
            images = images.detach().requires_grad_(True)
        logits = [
            forward.logits
            if attack.recorded_pass_serves and isinstance(view, Identity)
            else ask(self._source, view(images, self._draws(number)))
            for number, view in enumerate(attack.views)
        ]
        return images, logits[0][None] if len(logits) == 1 else torch.stack(logits)

    def _draws(self, view: int = 0) -> Draws:
        return Draws(self._seed, self._ids, self._iteration + 1, view)
