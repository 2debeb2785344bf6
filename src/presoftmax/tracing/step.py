"""One batch on its way up: where its images are, where the gradient is taken, and the next move."""

from dataclasses import dataclass

import torch
from torch import Tensor

from presoftmax.attacks import Attack, Draws, Goal, to_floats, to_pixels
from presoftmax.data import ImageSet
from presoftmax.models import Classifier, ask

__all__ = ["Ascent", "Look"]


@dataclass(frozen=True)
class Look:
    """The source's answer to the images of an iteration.

    Attributes:
        pixels: uint8 ``(N, C, H, W)``, what is recorded and what victims see.
        seen: float images that the source saw.
        logits: ``(N, M)``; with the graph back to ``seen`` where the next gradient is taken from this very pass.
    """

    pixels: Tensor
    seen: Tensor
    logits: Tensor


class Ascent:
    """The state of a batch between two iterations: `look`, then `differentiate`, then `move`.

    A plain attack takes its gradient from the forward pass that is recorded. One with a view, or an update that looks
    ahead, makes passes of its own for it. The backward pass is apart from the move so that victims can look in between,
    when the memory of the graph is free again.
    """

    def __init__(self, attack: Attack, source: Classifier, batch: ImageSet, seed: int) -> None:
        self._attack, self._source = attack, source
        self._ids, self._seed = batch.ids, seed
        self._iteration = 0
        self.clean = batch.images.to(source.device)
        self._clean_floats = self.floats = to_floats(self.clean)
        self._variable = attack.space.variable(self.floats)
        self._state = attack.update.start(self.floats)
        self._gradient: Tensor | None = None

    def look(self) -> Look:
        """Show the source the images as they are now."""
        attack = self._attack
        pixels = to_pixels(self.floats)
        seen = (to_floats(pixels) if attack.discretization.source_sees_pixels else self.floats).detach()
        if not self._moves_by_gradient() or attack.copies:
            with torch.no_grad():
                return Look(pixels, seen, ask(self._source, seen))
        seen.requires_grad_(True)
        return Look(pixels, seen, ask(self._source, seen))

    def differentiate(self, look: Look, goal: Goal) -> Tensor:
        """Take the gradient for the next move; returns for which examples it vanished, bool ``(N,)``.

        It has vanished where it is zero in every pixel, or zero in the logit of the class that the objective is about:
        the rest of it then points somewhere else.
        """
        if not self._moves_by_gradient():
            self._gradient = None
            return torch.zeros_like(goal.labels, dtype=torch.bool)
        if self._attack.copies:
            gradient, undriven = self._average_of_copies(look.seen, goal)
        else:
            gradient, undriven = self._backward(look.logits, look.seen, goal)
        pull = self._attack.constraint.pull(look.seen.detach(), self._clean_floats)
        self._gradient = gradient if pull is None else gradient + pull
        return (self._gradient.abs().amax(dim=(1, 2, 3)) == 0) | undriven

    @torch.no_grad()
    def move(self, look: Look) -> None:
        """Make the images of the next iteration; those whose gradient is not finite stay as they are."""
        attack, std = self._attack, self._source.std
        if attack.start is not None and self._iteration == 0:
            started = attack.start(self._clean_floats, self._draws()).clamp(0, 1)
            self._variable = attack.space.variable(started)
        elif self._gradient is not None:
            rounds = attack.discretization.steps_from_pixels
            origin = attack.space.variable(look.seen.detach()) if rounds else self._variable
            # A channels_last network gives the gradient in its layout, which the images do not have: mixed, each
            # operation takes several times as long.
            finite = self._gradient.contiguous().nan_to_num_(0.0, 0.0, 0.0)
            step, self._state = attack.update.step(attack.space.gradient(finite, origin, std), self._state)
            self._variable = attack.space.moved(origin, step, std)
        self.floats = attack.constraint.project(attack.space.images(self._variable), self._clean_floats).clamp_(0, 1)
        if not attack.space.is_unbounded:
            self._variable = self.floats
        self._iteration += 1

    def _moves_by_gradient(self) -> bool:
        """Whether there is a next move, and it needs a gradient."""
        begins = self._iteration == 0 and self._attack.start is not None
        return not begins and self._iteration < self._attack.steps

    def _backward(self, logits: Tensor, images: Tensor, goal: Goal) -> tuple[Tensor, Tensor]:
        """The objective's gradient in the images, and for which examples it is zero in the logit that it is about."""
        objective = self._attack.objective
        by_logit, gradient = torch.autograd.grad(objective(logits, goal).sum(), (logits, images))
        driven = getattr(objective, "driven", None)
        if driven is None:
            return gradient, torch.zeros_like(goal.labels, dtype=torch.bool)
        return gradient, by_logit.gather(1, driven(goal)[:, None])[:, 0] == 0

    def _average_of_copies(self, seen: Tensor, goal: Goal) -> tuple[Tensor, Tensor]:
        view, offset = self._attack.view, self._attack.update.ahead(self._state)
        there = seen if offset is None else self._attack.space.moved(seen, offset, self._source.std)
        gradients, undriven = [], []
        for copy in range(self._attack.copies):
            images = there.detach().requires_grad_(True)
            shown = images if view is None else view(images, copy, self._draws())
            gradient, lost = self._backward(ask(self._source, shown), images, goal)
            gradients.append(gradient)
            undriven.append(lost)
        return torch.stack(gradients).mean(dim=0), torch.stack(undriven).all(dim=0)

    def _draws(self) -> Draws:
        return Draws(self._seed, self._ids, self._iteration + 1)
