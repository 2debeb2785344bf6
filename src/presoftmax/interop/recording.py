"""Record what any attack does to a model: its forward passes become the `steps` table."""

import warnings
from collections.abc import Iterable, Sequence
from functools import partial
from types import TracebackType
from typing import Any

import polars as pl
import torch
from torch import Tensor, nn

from presoftmax.attacks import to_pixels, vanished
from presoftmax.data import ImageSet
from presoftmax.errors import DataError, ModelError, PresoftmaxWarning
from presoftmax.interop._capture import Captured, Matcher, capture
from presoftmax.interop._tables import Trajectory, number, steps_table, transfers_table
from presoftmax.models import Classifier, as_victims, check_logits, frozen, own_name
from presoftmax.scores import Score, as_scores
from presoftmax.tables import STEPS

__all__ = ["Recording", "record"]

_NOT_CALLED = "was not called while it was recorded; record the module that the attack calls"
_LOW_ACCURACY = 0.3
_FEWEST_FOR_ACCURACY = 5


def record(
    model: nn.Module,
    images: Any,
    labels: Any = None,
    *,
    targets: Any = None,
    ids: Sequence[str] | None = None,
    mean: Sequence[float] = (0.0, 0.0, 0.0),
    std: Sequence[float] = (1.0, 1.0, 1.0),
    passes_per_iteration: int = 1,
    iterations_per_restart: int | None = None,
    attack: str = "attack",
    name: str | None = None,
    scores: Any = (),
) -> "Recording":
    """Record every forward pass of a model, whoever makes it.

    ::

        with ps.record(model, images, labels) as rec:
            adversarial = torchattacks.PGD(model)(images, labels)
        rec.steps, rec.transfers([victim])

    Args:
        model: the module that the attack calls; neither it nor the attack is changed.
        images: the clean images, ``(N, 3, H, W)``: uint8, or float in [0, 1].
        labels: true classes ``(N,)``; the model's own answers to the clean images when left out.
        targets: one class for all examples, or ``(N,)`` or ``(N, k)``, if the attack has any; only recorded.
        ids: names of the examples; a hash of the pixels when left out.
        mean: per channel, if the module is given normalized images (foolbox's ``preprocessing``, for instance).
        std: likewise.
        passes_per_iteration: forward passes with gradient that the attack makes, each of another image, for one step
            (scaled copies, samples of a random transform): the first is the iteration's image.
        iterations_per_restart: iterations of each restart, if the attack restarts at random images; without it, a
            restart is only known by the clean image being shown again.
        attack: how the tables call the attack.
        name: how they call the model.
        scores: scores of one's own, as further columns of `steps`; see `presoftmax.scores.score`.

    Raises:
        TypeError: not an ``nn.Module``.
        DataError: images or labels that do not fit.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"record takes the nn.Module that the attack calls, not {type(model).__name__}")
    clean = torch.as_tensor(images).detach().cpu()
    if clean.is_floating_point():
        if clean.numel() and not (float(clean.min()) >= -1e-3 and float(clean.max()) <= 1.001):
            raise DataError(f"clean images must be in [0, 1], got {float(clean.min()):g} to {float(clean.max()):g}")
        clean = to_pixels(clean)
    known = labels is not None
    truth = torch.as_tensor(labels).cpu() if known else torch.zeros(len(clean), dtype=torch.int64)
    examples = ImageSet.from_arrays(clean, truth, ids)
    if len(examples) == 0:
        raise DataError("there are no images to record")
    for what, value in (
        ("passes_per_iteration", passes_per_iteration), ("iterations_per_restart", iterations_per_restart)
    ):  # fmt: skip
        if value is not None and value < 1:
            raise ValueError(f"{what} must be at least 1, got {value}")
    return Recording(
        model, examples, known, _targets(targets, len(examples)), tuple(mean), tuple(std), passes_per_iteration,
        iterations_per_restart, attack, name, as_scores(scores, taken=[column.name for column in STEPS]),
    )  # fmt: skip


class Recording:
    """What an attack did to a model. Made by `record`; recording goes on inside its ``with`` block.

    Attributes:
        examples: the clean images, their labels and ids.
        forwards: forward passes seen.
        backwards: backward passes seen (of the logits).
    """

    def __init__(
        self,
        model: nn.Module,
        examples: ImageSet,
        labels_known: bool,
        targets: Tensor | None,
        mean: tuple[float, ...],
        std: tuple[float, ...],
        passes_per_iteration: int,
        iterations_per_restart: int | None,
        attack: str,
        name: str | None,
        scores: tuple[Score, ...],
    ) -> None:
        self.examples = examples
        self.forwards = 0
        self.backwards = 0
        self._model = model
        self._names = (attack, name or own_name(model))
        self._labels_known, self._targets, self._scores = labels_known, targets, scores
        self._mean, self._std = mean, std
        self._passes_per_iteration, self._iterations_per_restart = passes_per_iteration, iterations_per_restart
        self._classifier = model if isinstance(model, Classifier) else Classifier(model, mean=mean, std=std)
        self._paused = False
        self._matcher = Matcher(examples.images)
        self._passes: list[Captured] = []
        self._vanished: list[Tensor | None] = []
        self._handle: Any = None
        self._numbered: tuple[pl.DataFrame, list[Trajectory]] | None = None

    def __enter__(self) -> "Recording":
        self._handle = self._model.register_forward_hook(self._see, with_kwargs=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._handle.remove()
        self._handle = None
        if kind is None:
            self._warn()

    def _see(self, module: nn.Module, given: tuple[Any, ...], named: dict[str, Any], logits: Any) -> None:
        """The hook: returns nothing, so the module's answer stays what it is."""
        if self._paused:
            return
        shown = given[0] if given else next(iter(named.values()))
        if not isinstance(shown, Tensor) or not isinstance(logits, Tensor) or logits.ndim != 2:
            return
        if shown.shape[1:] != self.examples.images.shape[1:]:
            raise DataError(
                f"{self._names[1]} was shown images {tuple(shown.shape)}, the clean ones are "
                f"{tuple(self.examples.images.shape)}: record the module that gets the images as they are"
            )
        self.forwards += 1
        self._numbered = None
        if logits.requires_grad:
            logits.register_hook(partial(self._see_gradient, len(self._passes)))  # type: ignore[no-untyped-call]
        self._passes.append(capture(shown, logits, self._matcher, self._mean, self._std))
        self._vanished.append(None)

    def _see_gradient(self, call: int, gradient: Tensor) -> None:
        """The hook of a backward pass: what arrived at the logits of that call."""
        self.backwards += 1
        self._numbered = None
        lost = self._is_lost(self._passes[call], gradient.detach().float().cpu())
        before = self._vanished[call]
        self._vanished[call] = lost if before is None else before | lost

    def _is_lost(self, captured: Captured, gradient: Tensor) -> Tensor:
        """For which rows the gradient is zero in all logits, or in those that the attack must be about.

        These are the targets, where they are known. Otherwise it is the true class as long as it is predicted: a
        saturated softmax leaves nothing there to be driven down.
        """
        if self._targets is not None:
            return vanished([gradient], gradient[None], self._targets[captured.examples])
        if not self._labels_known:
            return vanished([gradient])
        labels = self.examples.labels[captured.examples]
        predicted = captured.logits.argmax(dim=1) == labels
        return vanished([gradient]) | (predicted & vanished([gradient], gradient[None], labels))

    @property
    def passes(self) -> pl.DataFrame:
        """One row per shown image.

        ``call``, ``example``, ``iteration``, ``restart``, ``with_gradient``, ``gradient_vanished``, ``off_lattice``. An
        iteration of an example is a run of passes with the same 8-bit image (or, with ``passes_per_iteration``, of so
        many passes with gradient); 0 is the clean one. Passes of one iteration (a second look, copies in one batch)
        share the number and differ in ``call``. ``restart`` counts how often the attack has begun anew.
        """
        return self._all()[0]

    @property
    def steps(self) -> pl.DataFrame:
        """The `steps` table: one row per example and iteration; the logits are those of the image as it was shown.

        Where the attack never showed the clean image, the model is asked about it now.
        """
        labels = self._labels()
        return steps_table(self._all()[1], self.examples, labels, self._targets, *self._names, self._scores)

    def transfers(self, victims: Any, batch_size: int = 32) -> pl.DataFrame:
        """The `transfers` table: every recorded image, rounded to 8 bits, shown to victims (see `presoftmax.trace`)."""
        models = as_victims(victims, taken=[self._names[1]])
        labels = self._labels()
        return transfers_table(self._all()[1], self.examples, labels, self._targets, models, batch_size, *self._names)

    def _all(self) -> tuple[pl.DataFrame, list[Trajectory]]:
        if not self._passes:
            raise ModelError(f"{self._names[1]} {_NOT_CALLED}")
        if self._numbered is None:
            self._numbered = number(
                self._passes, self._vanished, self.examples, self._ask, self._passes_per_iteration,
                self._iterations_per_restart,
            )  # fmt: skip
        return self._numbered

    def _ask(self, positions: list[int]) -> Tensor:
        """The model's logits of clean images; these passes are not counted."""
        self._paused = True
        try:
            with torch.no_grad(), frozen(self._classifier):
                logits: Tensor = self._classifier(self.examples.images[positions])
                return logits.float().cpu()
        finally:
            self._paused = False

    def _labels(self) -> Tensor:
        if self._labels_known:
            return self.examples.labels
        return torch.stack([each.logits[0].argmax() for each in self._all()[1]])

    def _warn(self) -> None:
        """What a careful reader would want to know of this attack."""
        for text in self._warnings():
            warnings.warn(f"{self._names[1]} {text}", PresoftmaxWarning, stacklevel=3)

    def _warnings(self) -> Iterable[str]:
        if not self._passes:
            yield _NOT_CALLED
            return
        low, high = min(each.lowest for each in self._passes), max(each.highest for each in self._passes)
        if low < -0.05 or high > 1.05:
            yield (
                f"was shown values from {low:.2f} to {high:.2f} where [0, 1] was expected; if they were normalized, "
                "give mean= and std=, and see that they are not normalized twice"
            )
        off = max(float(each.off_lattice.max()) for each in self._passes)
        if off > 0.01:
            yield f"was shown images up to {off:.2f} grey levels off the 8-bit lattice: saving them changes them"
        lost = self.passes.filter("gradient_vanished")
        if lost.height:
            yield (
                f"gave no gradient to go by for {lost['example'].n_unique()} of {len(self.examples)} examples, first "
                f"at iteration {min(lost['iteration'])}: there the attack goes nowhere, or the wrong way; a saturated "
                "softmax does that to a cross-entropy"
            )
        try:
            check_logits(self._classifier, self._passes[0].logits, len(self._passes[0].logits))
        except ModelError as error:
            yield f"gave odd logits: {error}"
            return
        if self._labels_known and len(self.examples) >= _FEWEST_FOR_ACCURACY:
            predicted = torch.stack([each.logits[0].argmax() for each in self._all()[1]])
            accuracy = float((predicted == self.examples.labels).double().mean())
            if accuracy < _LOW_ACCURACY:
                yield (
                    f"is right on only {100 * accuracy:.0f} % of the clean images: is the normalization right, and are "
                    "the labels its classes?"
                )


def _targets(targets: Any, count: int) -> Tensor | None:
    """Targets as int64 ``(N, k)``."""
    if targets is None:
        return None
    given = torch.as_tensor(targets).cpu().to(torch.int64)
    if given.ndim == 0:
        return given.expand(count, 1).contiguous()
    rows = given[:, None] if given.ndim == 1 else given
    if len(rows) != count:
        raise DataError(f"targets {tuple(given.shape)} for {count} images")
    return rows
