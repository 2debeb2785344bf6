"""Captured passes as the two tables: whose image each was, and of which iteration."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl
import torch
from torch import Tensor

from presoftmax.attacks import Goal
from presoftmax.data import ImageSet
from presoftmax.interop._capture import Captured
from presoftmax.interop._matching import NOBODY
from presoftmax.models import Model, ask, check_logits, frozen
from presoftmax.scores import Score
from presoftmax.tables import (
    STEPS,
    TRANSFERS,
    perturbation_record,
    polars_schema,
    rows_of,
    step_record,
    transfer_record,
    with_scores,
)

# So far, in grey levels, rounding puts an image that was normalized and back.
_ON_THE_LATTICE = 0.01

__all__ = ["Trajectory", "number", "steps_table", "transfers_table"]


@dataclass
class Trajectory:
    """The images that one example went through.

    Attributes:
        iterations: their numbers.
        pixels: each uint8 ``(3, H, W)``.
        logits: each ``(M,)``.
        vanished: whether the gradient vanished in any pass of the iteration; None where none was taken.
        restart: how often the attack has begun anew.
        expected: passes that are still to come of the iteration under way.
        digest: of the values of the image that was shown last.
        unsteady: whether the same image was once answered with other logits.
    """

    iterations: list[int] = field(default_factory=list)
    pixels: list[Tensor] = field(default_factory=list)
    logits: list[Tensor] = field(default_factory=list)
    vanished: list[bool | None] = field(default_factory=list)
    restart: int = 0
    expected: int = 0
    digest: bytes = b""
    unsteady: bool = False

    def add(self, iteration: int, pixels: Tensor, logits: Tensor, at: int | None = None) -> None:
        """One more image, at the end or at a position."""
        position = len(self.iterations) if at is None else at
        self.iterations.insert(position, iteration)
        self.pixels.insert(position, pixels)
        self.logits.insert(position, logits)
        self.vanished.insert(position, None)

    def take(self, captured: Captured, row: int, clean: Tensor, gradients: int) -> None:
        """One more pass: of the iteration under way, or of the next.

        An iteration is a pass whose image differs, if only by a fraction of a grey level, from the one before it.

        Args:
            captured: the pass.
            row: of it.
            clean: the untouched image.
            gradients: passes with gradient that make an iteration; 0 for a pass without.
        """
        if gradients and self.expected:
            self.expected -= 1
            return
        self.expected = max(gradients - 1, 0)
        shown, logits = captured.shown, captured.logits[row]
        pixels, digest = shown.pixels[row], shown.digests[row]
        same = digest == self.digest
        if same and not torch.allclose(logits, self.logits[-1], rtol=1e-3, atol=1e-3, equal_nan=True):
            self.unsteady = True
        is_clean = float(shown.off_lattice[row]) < _ON_THE_LATTICE and torch.equal(pixels, clean)
        if not self.iterations:
            self.add(int(not is_clean), pixels, logits)
        elif not same and not (is_clean and self.iterations == [0]):
            self.restart += is_clean
            self.add(self.iterations[-1] + 1, pixels, logits)
        self.digest = digest

    def note(self, vanished: bool | None) -> None:
        """Whether the gradient of the last pass vanished."""
        if vanished is not None:
            self.vanished[-1] = bool(self.vanished[-1]) or vanished


def number(
    passes: Sequence[Captured],
    vanished: Sequence[Tensor | None],
    examples: ImageSet,
    ask_clean: Callable[[list[int]], Tensor],
    gradients: int = 1,
    per_restart: int | None = None,
) -> tuple[pl.DataFrame, list[Trajectory]]:
    """Number the images of each example: 0 is the clean one, and each image that differs from the last is the next.

    Args:
        passes: in the order in which they were made.
        vanished: for each pass, for which of its rows the gradient vanished, ``(B,)``; None where none was taken.
        examples: the clean images.
        ask_clean: gives the logits of clean images that were never shown.
        gradients: passes with gradient that make one iteration.
        per_restart: iterations after which the attack begins anew; when left out, it does at the clean image.

    Returns:
        A row per shown image (of an example, or of none), and a trajectory per example, each with an iteration 0.
    """
    trajectories = [Trajectory() for _ in range(len(examples))]
    rows: list[tuple[Any, ...]] = []
    for call, (captured, lost) in enumerate(zip(passes, vanished, strict=True)):
        shown = captured.shown
        taken = gradients if shown.with_gradient else 0
        flags = [None] * len(captured.logits) if lost is None else lost.tolist()
        for row, example in enumerate(captured.examples.tolist()):
            rest = (shown.with_gradient, flags[row], float(shown.off_lattice[row]))
            if example == NOBODY:
                rows.append((call, None, None, None, *rest))
                continue
            trajectory = trajectories[example]
            trajectory.take(captured, row, examples.images[example], taken)
            trajectory.note(flags[row])
            iteration = trajectory.iterations[-1]
            restart = trajectory.restart if per_restart is None else max(iteration - 1, 0) // per_restart
            rows.append((call, examples.ids[example], iteration, restart, *rest))
    _add_clean(trajectories, examples, ask_clean)
    schema = {
        "call": pl.Int32, "example": pl.String, "iteration": pl.Int32, "restart": pl.Int32,
        "with_gradient": pl.Boolean, "gradient_vanished": pl.Boolean, "off_lattice": pl.Float32,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row"), trajectories


def _add_clean(
    trajectories: Sequence[Trajectory], examples: ImageSet, ask_clean: Callable[[list[int]], Tensor]
) -> None:
    """Give an iteration 0 to the examples whose clean image was never shown (an attack that starts at random)."""
    missing = [i for i, each in enumerate(trajectories) if not each.iterations or each.iterations[0] != 0]
    if missing:
        for i, logits in zip(missing, ask_clean(missing), strict=True):
            trajectories[i].add(0, examples.images[i], logits, at=0)


def steps_table(
    trajectories: Sequence[Trajectory],
    examples: ImageSet,
    labels: Tensor,
    targets: Tensor | None,
    attack: str,
    source: str,
    scores: Sequence[Score] = (),
    bound: float | None = None,
) -> pl.DataFrame:
    """Rows of `steps`, by example, then iteration.

    ``gradient_vanished`` is null where no gradient was taken, and what is about targets where none is known. With a
    bound, in grey levels, images further from the clean one are probes, of which no norm is given.
    """
    parts = []
    names = {"attack": attack, "source": source}
    for i, each in enumerate(trajectories):
        goal = _goal(labels, targets, i, len(each.iterations))
        pixels = torch.stack(each.pixels)
        previous = torch.cat([pixels[:1], pixels[:-1]])
        clean = examples.images[i].expand_as(pixels)
        record = perturbation_record(pixels, previous, clean) | step_record(torch.stack(each.logits), goal, scores)
        rows = rows_of(with_scores(STEPS, scores), record, [examples.ids[i]] * len(pixels), each.iterations, names)
        parts.append(rows.with_columns(pl.Series("gradient_vanished", each.vanished, dtype=pl.Boolean)))
    return _with_probes(pl.concat(parts), bound)


def _with_probes(steps: pl.DataFrame, bound: float | None) -> pl.DataFrame:
    if bound is None:
        return steps
    probe = pl.col("linf") > bound
    norms = ("changed", "l0", "l1", "l2", "linf")
    return steps.with_columns(probe.alias("probe"), *(pl.when(~probe).then(pl.col(name)).alias(name) for name in norms))


def transfers_table(
    trajectories: Sequence[Trajectory],
    examples: ImageSet,
    labels: Tensor,
    targets: Tensor | None,
    victims: Mapping[str, Model],
    batch_size: int,
    attack: str,
    source: str,
) -> pl.DataFrame:
    """Rows of `transfers`, by victim, example, iteration; ``targeted`` is null where no target is known."""
    parts = []
    with torch.no_grad(), frozen(*victims.values()):
        for name, victim in victims.items():
            named = {"attack": attack, "source": source, "victim": name}
            for i, each in enumerate(trajectories):
                pixels = torch.stack(each.pixels)
                logits = torch.cat(
                    [ask(victim, part.to(victim.device)).cpu() for part in torch.split(pixels, batch_size)]
                )
                check_logits(victim, logits[:1], 1)
                record = transfer_record(logits, _goal(labels, targets, i, len(pixels)))
                parts.append(rows_of(TRANSFERS, record, [examples.ids[i]] * len(pixels), each.iterations, named))
    return pl.concat(parts) if parts else pl.DataFrame(schema=polars_schema(TRANSFERS))


def _goal(labels: Tensor, targets: Tensor | None, example: int, count: int) -> Goal:
    """The same goal for each image of an example; without targets where none is known."""
    chosen = labels.new_zeros((1, 0)) if targets is None else targets[example : example + 1]
    one = labels[example].expand(count)
    return Goal(one, chosen.expand(count, chosen.shape[1]), torch.full((count,), example))
