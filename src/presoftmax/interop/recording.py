"""Record what any attack does to a model: its forward passes become the `steps` table."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any

import polars as pl
import torch
from torch import Tensor, nn

from presoftmax.attacks import to_pixels, vanished
from presoftmax.data import ImageSet
from presoftmax.errors import DataError, ModelError, warn
from presoftmax.interop._capture import Captured, Shown, as_zero_to_one, look_at
from presoftmax.interop._matching import Matcher
from presoftmax.interop._tables import Trajectory, number, steps_table, transfers_table
from presoftmax.models import Classifier, as_victims, check_logits, frozen, logits_in, own_name
from presoftmax.printing import brief
from presoftmax.scores import Score, as_scores
from presoftmax.tables import STEPS

if TYPE_CHECKING:
    from presoftmax.explorer import Explorer
    from presoftmax.judging import Judged

__all__ = ["Recording", "record"]

_NOT_CALLED = "was not called while it was recorded; record the module that the attack calls"
_LOW_ACCURACY = 0.3
_FEWEST_FOR_ACCURACY = 5
# In grey levels: no attack that is meant not to be seen goes so far.
_NO_PERTURBATION = 100
_BEHAVES_OTHERWISE = (nn.modules.batchnorm._BatchNorm, nn.modules.dropout._DropoutNd)


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
    epsilon: float | None = None,
) -> "Recording":
    """Record every forward pass of a model, whoever makes it.

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
        epsilon: L-infinity bound of the attack, in [0, 1] units: images further away are transformed copies that it
            only looked at (``probe``). Without it, `Recording.result` says it.

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
        iterations_per_restart, attack, name, as_scores(scores, taken=[column.name for column in STEPS]), epsilon,
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
        epsilon: float | None,
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
        self._handles: list[Any] = []
        self._pending: list[Shown | None] = []
        self._bound = None if epsilon is None else 255 * epsilon
        self._result: Captured | None = None
        self._numbered: tuple[pl.DataFrame, list[Trajectory]] | None = None

    def __enter__(self) -> "Recording":
        self._handles = [
            self._model.register_forward_pre_hook(self._look, with_kwargs=True),
            self._model.register_forward_hook(self._see, with_kwargs=True),
        ]
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> "Recording":
        """A copy of the model that an attack makes for itself is recorded here too."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles = []
        if kind is None:
            self._warn()

    def _look(self, module: nn.Module, given: tuple[Any, ...], named: dict[str, Any]) -> None:
        """The hook before a forward pass: what is shown, before the first layer may write over it."""
        if self._paused:
            return
        images = given[0] if given else next(iter(named.values()), None)
        if not isinstance(images, Tensor):
            self._pending.append(None)
            return
        if images.shape[1:] != self.examples.images.shape[1:]:
            raise DataError(
                f"{self._names[1]} was shown images {tuple(images.shape)}, the clean ones are "
                f"{tuple(self.examples.images.shape)}: record the module that gets the images as they are"
            )
        training = any(each.training for each in module.modules() if isinstance(each, _BEHAVES_OTHERWISE))
        self._pending.append(look_at(images, self._mean, self._std, training))

    def _see(self, module: nn.Module, given: tuple[Any, ...], named: dict[str, Any], answer: Any) -> None:
        """The hook after it: returns nothing, so the module's answer stays what it is."""
        if self._paused or not self._pending:
            return
        shown, logits = self._pending.pop(), logits_in(answer)
        if shown is None or not isinstance(logits, Tensor) or logits.ndim != 2:
            return
        self.forwards += 1
        self._numbered = None
        if logits.requires_grad:
            logits.register_hook(partial(self._see_gradient, len(self._passes)))  # type: ignore[no-untyped-call]
        kept = logits.detach().float().cpu().clone()
        self._passes.append(Captured(shown, kept, self._matcher.match(shown.pixels)))
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
            return vanished([gradient], gradient[None], self._targets[captured.examples.clamp_min(0)])
        if not self._labels_known:
            return vanished([gradient])
        labels = self.examples.labels[captured.examples.clamp_min(0)]
        predicted = captured.logits.argmax(dim=1) == labels
        return vanished([gradient]) | (predicted & vanished([gradient], gradient[None], labels))

    @contextmanager
    def rows(self, ids: Sequence[Any]) -> Iterator[None]:
        """Say whose rows come inside the block, where the attack is given the examples in parts or in another order.

        Args:
            ids: of the examples, or their positions, in the order of the rows (or of each copy of them).

        Raises:
            DataError: an id that is none of an example.
        """
        position = {name: i for i, name in enumerate(self.examples.ids)}
        found = [position.get(each, -1) if isinstance(each, str) else int(each) for each in ids]
        for each, given in zip(found, ids, strict=True):
            if not 0 <= each < len(self.examples):
                raise DataError(f"rows: {given!r} is no id of an example, and no position of one")
        self._matcher.expect(found)
        try:
            yield
        finally:
            self._matcher.expect(None)

    def result(self, adversarial: Any) -> "Recording":
        """Say what the attack returned: the last iteration, which no attack shows to the model afterwards.

        It also says how far the attack goes: images further from the clean ones than any result are probes.

        Args:
            adversarial: as the attack returned them, in the order of the examples, ``(N, 3, H, W)``: uint8, or float in
                the units that the model is shown.

        Raises:
            DataError: another shape.
        """
        images = torch.as_tensor(adversarial).detach()
        if images.shape != self.examples.images.shape:
            raise DataError(
                f"the result is {tuple(images.shape)}, the clean images {tuple(self.examples.images.shape)}"
            )
        shown = look_at(images, self._mean, self._std, training=False)
        logits = self._ask_about(images)
        self._result, self._numbered = Captured(shown, logits, torch.arange(len(images))), None
        if self._bound is None:
            self._bound = float((shown.pixels.int() - self.examples.images.int()).abs().max())
        return self

    def judge(self, adversarial: Any, victims: Any = (), natural: Any = None, scores: Any = ()) -> "Judged":
        """Say how strong what the attack returned is; see `presoftmax.judge`.

        Args:
            adversarial: as the attack returned them, in the order of the examples, ``(N, 3, H, W)``: uint8, or float in
                the units that the model is shown.
            victims: models that they are shown to.
            natural: what the model's logits look like on natural images.
            scores: scores of one's own.

        Raises:
            DataError: another shape.
        """
        from presoftmax.judging import judge

        images = as_zero_to_one(torch.as_tensor(adversarial).detach().cpu(), self._mean, self._std)
        labels = self.examples.labels if self._labels_known else None
        source = {self._names[1]: self._classifier}
        self._paused = True
        try:
            return judge(
                source, self.examples.images, images, labels, victims=victims, natural=natural, scores=scores,
                ids=self.examples.ids,
            )  # fmt: skip
        finally:
            self._paused = False

    def explore(self, victims: Any = ()) -> "Explorer":
        """Look at every example, iteration by iteration: shown in a notebook as it is; ``.save(FILE)`` for a page.

        Args:
            victims: models that every recorded image is shown to; see `transfers`.
        """
        from presoftmax.explorer import Explorer, Material, MemoryPictures, Part

        attack, source = self._names
        steps, shown = self.steps, self.transfers(victims)
        images = {
            (attack, name): dict(zip(each.iterations, each.pixels, strict=True))
            for name, each in zip(self.examples.ids, self._all()[1], strict=True)
        }
        part = Part(steps.lazy(), shown.lazy())
        return Explorer(Material(f"{attack} on {source}", [part], MemoryPictures(images)))

    def __repr__(self) -> str:
        attack, source = map(brief, self._names)
        seen = f"{self.forwards} passes, {self.backwards} with gradient"
        if not self._passes:
            return f"Recording of {attack} on {source}: {len(self.examples)} examples, {seen}"
        steps = self.steps
        return (
            f"Recording of {attack} on {source}: {len(self.examples)} examples, {seen}, {max(steps['iteration'])} "
            f"iterations at most; .steps has {steps.height} rows, .judge(adversarial) says how strong they are"
        )

    @property
    def passes(self) -> pl.DataFrame:
        """One row per shown image.

        ``call``, ``example``, ``iteration``, ``restart``, ``with_gradient``, ``gradient_vanished``, ``off_lattice``. An
        iteration of an example is a run of passes with the same image, to the last bit (or, with
        ``passes_per_iteration``, of so many passes with gradient); 0 is the clean one, and an image that fits no
        example has none. Passes of one iteration (a second look, copies in one batch)
        share the number and differ in ``call``. ``restart`` counts how often the attack has begun anew.
        """
        return self._all()[0]

    @property
    def steps(self) -> pl.DataFrame:
        """The `steps` table: one row per example and iteration; the logits are those of the image as it was shown.

        Where the attack never showed the clean image, the model is asked about it now.
        """
        labels = self._labels()
        return steps_table(
            self._all()[1], self.examples, labels, self._targets, *self._names, self._scores, self._limit()
        )

    def transfers(self, victims: Any, batch_size: int = 32) -> pl.DataFrame:
        """The `transfers` table: every recorded image, rounded to 8 bits, shown to victims (see `presoftmax.trace`)."""
        models = as_victims(victims, taken=[self._names[1]])
        labels = self._labels()
        return transfers_table(self._all()[1], self.examples, labels, self._targets, models, batch_size, *self._names)

    def _all(self) -> tuple[pl.DataFrame, list[Trajectory]]:
        if not self._passes:
            raise ModelError(f"{self._names[1]} {_NOT_CALLED}")
        if self._numbered is None:
            passes, vanished_ = list(self._passes), list(self._vanished)
            if self._result is not None:
                passes, vanished_ = [*passes, self._result], [*vanished_, None]
            self._numbered = number(
                passes, vanished_, self.examples, self._ask, self._passes_per_iteration, self._iterations_per_restart
            )
        return self._numbered

    def _limit(self) -> float | None:
        """How far an iterate may be from its clean image, in grey levels, if that is known: rounding is let through."""
        return None if self._bound is None else self._bound + 1

    def _ask(self, positions: list[int]) -> Tensor:
        """The model's logits of clean images; these passes are not counted."""
        return self._ask_about(self.examples.images[positions], through=self._classifier)

    def _ask_about(self, images: Tensor, through: nn.Module | None = None) -> Tensor:
        """Logits in the mode in which the attack saw the model, whose buffers stay what they are."""
        module = through or self._model
        self._paused = True
        try:
            with torch.no_grad():
                if any(each.shown.training for each in self._passes):
                    buffers = {name: buffer.clone() for name, buffer in module.named_buffers()}
                    answer = torch.func.functional_call(module, buffers, (images,))
                else:
                    with frozen(module):  # type: ignore[arg-type]  # any module will do
                        answer = module(images)
            logits: Tensor = logits_in(answer)
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
            warn(f"{self._names[1]} {text}")

    def _warnings(self) -> Iterable[str]:
        if not self._passes:
            yield _NOT_CALLED
            return
        low, high = min(each.shown.lowest for each in self._passes), max(each.shown.highest for each in self._passes)
        if low < -0.05 or high > 1.05:
            yield (
                f"was shown values from {low:.2f} to {high:.2f} where [0, 1] was expected; if they were normalized, "
                "give mean= and std=, and see that they are not normalized twice"
            )
        off = max(float(each.shown.off_lattice.max()) for each in self._passes)
        if off > 0.01:
            yield f"was shown images up to {off:.2f} grey levels off the 8-bit lattice: saving them changes them"
        yield from self._doubtful_rows()
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

    def _doubtful_rows(self) -> Iterable[str]:
        """What a reader should know about whose the images are, and how the model was asked."""
        if self._matcher.strangers:
            yield (
                f"was shown {self._matcher.strangers} images that fit none of the clean ones; they are in no row of "
                "`steps` (rec.rows(ids) says whose they are)"
            )
        if self._matcher.tied:
            yield (
                "was shown images that fit several of the clean ones alike; they were told apart by their order "
                "(rec.rows(ids) says whose they are)"
            )
        if any(each.shown.training for each in self._passes):
            yield "was in training mode: what it answers depends on the batch; call model.eval() first"
        elif any(each.unsteady for each in self._all()[1]):
            yield "answered the same image differently: it is random, and so are its scores"
        far = self._farthest()
        if self._bound is None and far > _NO_PERTURBATION:
            yield (
                f"was shown images up to {far:.0f} grey levels from the clean ones: if these are transformed copies, "
                "give epsilon=, or rec.result(adversarial) afterwards, which leaves them out of the norms"
            )

    def _farthest(self) -> float:
        """The largest distance of any image from its clean one, in grey levels."""
        found = 0.0
        for each in self._passes:
            known = each.examples >= 0
            off = each.shown.pixels[known].int() - self.examples.images[each.examples[known]].int()
            found = max(found, float(off.abs().max()) if len(off) else 0.0)
        return found


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
