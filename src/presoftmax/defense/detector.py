"""What a detector is: a statistic of a model's logits, fitted on natural images alone.

A detector says what the model is shown (`views`; the image itself first), how its statistic is made from the logits of
these views (`statistic`, larger is more suspicious) and what it learns of natural images (`learn`). The rest is here:
half of the natural images are fitted to, the other half say how rare a statistic is (`presoftmax.defense.conformal`).

The statistic is differentiable in the logits, so that any detector can be attacked by those who know it. Detectors are
modules: their buffers move with them, are saved, and exported.
"""

from collections.abc import Iterator
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from presoftmax.attacks import Identity, View
from presoftmax.defense.answers import answers_of
from presoftmax.defense.conformal import p_values, surprise, threshold
from presoftmax.errors import DataError
from presoftmax.printing import Printed

__all__ = ["FEWEST", "Detector", "quiet_seed"]

FEWEST = 10
"""Natural images below which nothing is fitted."""

_SEED = 0


def quiet_seed(count: int, seed: int = _SEED) -> Tensor:
    """A random order of n images that is the same every time."""
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed))


class Detector(Printed, nn.Module):
    """The base of all detectors: subclass it and say `learn` and `statistic`.

    Attributes:
        kind: its name in tables, files and options.
        views: what the model is shown, the image itself first; one forward pass each.
        calibration: statistics of natural images that nothing was fitted to, ascending ``(n,)`` float64.
    """

    kind: ClassVar[str] = ""
    views: tuple[View, ...] = (Identity(),)
    calibration: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calibration", torch.empty(0, dtype=torch.float64))

    def learn(self, logits: Tensor) -> None:
        """Learn from natural logits ``(V, N, M)`` float64, with `keep`."""

    def statistic(self, logits: Tensor) -> Tensor:
        """The statistic ``(N,)`` of logits ``(V, N, M)``: larger is more suspicious, differentiable in the logits."""
        raise NotImplementedError

    def keep(self, name: str, value: Tensor) -> None:
        """Remember what was learned, under a name that is an attribute from then on."""
        self.register_buffer(name, value.detach().clone())

    def fit(self, model: Any = None, images: Any = None, *, logits: Tensor | None = None) -> Self:
        """Fit on natural images: half of them are learned from, the other half calibrate.

        Args:
            model: as for `presoftmax.judge`.
            images: uint8 or [0, 1] floats ``(N, 3, H, W)``, or an `ImageSet`.
            logits: in place of both, the model's logits of the images: ``(N, M)``, or ``(V, N, M)`` in the order of
                `views`.

        Raises:
            DataError: fewer than 20 images with finite logits, or logits of another form.
            TypeError: neither images nor logits, or both.
        """
        known = _finite(self._logits(model, images, logits))
        count = known.shape[1]
        if count < 2 * FEWEST:
            raise DataError(f"a detector needs at least {2 * FEWEST} natural images with finite logits, got {count}")
        order = quiet_seed(count)
        learned, held_out = known[:, order[: count // 2]], known[:, order[count // 2 :]]
        with torch.no_grad():
            self.learn(learned)
            natural = self.statistic(held_out).double()
        if not bool(natural.isfinite().all()):
            raise DataError(f"{self.kind}: its statistic is not finite for some natural images")
        self.keep("calibration", natural.sort().values)
        return self

    def learn_crosswise(self, logits: Tensor) -> None:
        """Learn from natural logits ``(V, N, M)``, and calibrate on the same: each half by what the other taught.

        Nearly as good as apart, from half as many images; for a part of a sum, which is calibrated apart itself.
        """
        order = quiet_seed(logits.shape[1], seed=1)
        halves = order[: len(order) // 2], order[len(order) // 2 :]
        natural = []
        for one, other in (halves, halves[::-1]):
            self.learn(logits[:, one])
            natural.append(self.statistic(logits[:, other]).double())
        self.learn(logits)
        self.keep("calibration", torch.cat(natural).sort().values)

    def score(self, model: Any = None, images: Any = None, *, logits: Tensor | None = None) -> Tensor:
        """The statistic of images ``(N,)``, float64; larger is more suspicious, infinite where logits are not finite.

        Arguments as for `fit`.
        """
        self._check_fitted()
        given = self._logits(model, images, logits)
        finite = given.isfinite().all(dim=-1).all(dim=0)
        with torch.no_grad():
            found = self.statistic(torch.where(finite[None, :, None], given, 0.0)).double()
        return torch.where(finite, found, torch.inf)

    def p_value(self, model: Any = None, images: Any = None, *, logits: Tensor | None = None) -> Tensor:
        """How rare at least this statistic is among natural images, ``(N,)`` float64 in (0, 1]."""
        return p_values(self.calibration, self.score(model, images, logits=logits))

    def threshold(self, fpr: float) -> float:
        """The statistic above which at most a share ``fpr`` of natural images lie; raises `DataError`."""
        self._check_fitted()
        return threshold(self.calibration, fpr)

    def surprise(self, logits: Tensor) -> Tensor:
        """``-log`` of a smooth p-value of logits ``(V, N, M)``, ``(N,)``: what attackers push down."""
        return surprise(self.calibration, self.statistic(logits))

    @property
    def is_fitted(self) -> bool:
        """Whether `fit` has been there."""
        return len(self.calibration) > 0

    def _check_fitted(self) -> None:
        if not self.is_fitted:
            raise DataError(f"the detector {self.kind} is not fitted: .fit(model, natural_images) comes first")

    def _logits(self, model: Any, images: Any, logits: Tensor | None) -> Tensor:
        if (logits is None) == (model is None or images is None):
            raise TypeError("give a model and images, or their logits")
        if logits is None:
            return answers_of(model, images, self.views)
        given = logits if logits.ndim == 3 else logits[None]
        if given.ndim != 3 or len(given) != len(self.views) or given.shape[2] < 2:
            wanted = f"({len(self.views)}, N, M), a row for each of its views" if len(self.views) > 1 else "(N, M)"
            raise DataError(f"{self.kind} takes logits {wanted}; got {tuple(logits.shape)}")
        return given.detach().double().to(self.calibration.device)

    def _lines(self) -> Iterator[str]:
        fitted = f"calibrated on {len(self.calibration)} natural images" if self.is_fitted else "not fitted"
        passes = "1 forward pass" if len(self.views) == 1 else f"{len(self.views)} forward passes"
        yield f"{type(self).__name__}: {fitted}, {passes} an image"


def _finite(logits: Tensor) -> Tensor:
    return logits[:, logits.isfinite().all(dim=-1).all(dim=0)]
