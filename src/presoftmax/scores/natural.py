"""What a model's logits look like on natural images, against which others are measured.

Fitted once per model, saved as JSON (no pickle), and refused for another model or another number of classes.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from presoftmax.data import as_path
from presoftmax.errors import DataError
from presoftmax.printing import Printed
from presoftmax.scores.registry import SCORES
from presoftmax.storage import replace_text

__all__ = ["NaturalReference", "Tail", "TopLogits", "measures", "quantiles", "ranges"]

_VERSION = 2
_WHAT = "a natural reference"
_QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)
_TAIL_SHARE = 0.1
_FEWEST = 20
_TOP_K = 5


@dataclass(frozen=True, repr=False)
class Tail(Printed):
    """Upper tail of CA1: the sorted natural values, and a generalized Pareto law beyond a threshold.

    Attributes:
        values: all natural values, ascending.
        threshold: where the fitted law begins.
        share: share of the values above it.
        shape: of the law, at least 0: a negative one, which ends the law at a finite value, is replaced by the
            exponential, so that values far beyond all natural ones still differ (and are called less rare than they
            may be).
        scale: of the law.
    """

    values: tuple[float, ...]
    threshold: float
    share: float
    shape: float
    scale: float

    @classmethod
    def fit(cls, values: np.ndarray[Any, np.dtype[np.float64]]) -> "Tail":
        """Fit on natural values ``(N,)``; the law on the upper tenth of them (Pickands 1975)."""
        from scipy.stats import genpareto

        ordered = np.sort(values.astype(np.float64))
        count = max(5, round(_TAIL_SHARE * len(ordered)))
        threshold = float(ordered[-count - 1])
        excess = ordered[-count:] - threshold
        shape, _, scale = genpareto.fit(excess, floc=0.0)
        if shape < 0:
            shape, scale = 0.0, float(excess.mean())
        scale = max(float(scale), 1e-9)
        return cls(tuple(ordered.tolist()), threshold, count / len(ordered), float(shape), scale)

    def log_probability(self, values: Tensor) -> Tensor:
        """Log of the probability of a natural value at least as large, ``(N,)``, float64, never ``-inf``.

        Empirical, ``(count + 1) / (n + 1)``, up to the threshold; the fitted law beyond it.
        """
        from scipy.stats import genpareto

        x = values.double().cpu().numpy()
        ordered = np.asarray(self.values)
        above = len(ordered) - np.searchsorted(ordered, x, side="left")
        empirical = np.log((above + 1) / (len(ordered) + 1))
        excess = np.maximum(x - self.threshold, 0)
        beyond = np.log(self.share) + genpareto.logsf(excess, self.shape, scale=self.scale)
        return torch.from_numpy(np.where(x <= self.threshold, empirical, beyond))


@dataclass(frozen=True, repr=False)
class TopLogits(Printed):
    """Where the largest logits of a model's natural images lie.

    Attributes:
        mean: of each of the k largest, sorted, ``(k,)``.
        precision: inverse of their covariance, ``(k, k)``. Sorted values are collinear, so the covariance is shrunk by
            a tenth towards the identity.
    """

    mean: tuple[float, ...]
    precision: tuple[tuple[float, ...], ...]

    @classmethod
    def fit(cls, top: Tensor) -> "TopLogits":
        """Fit on sorted largest logits ``(N, k)``."""
        covariance = torch.cov(top.T).reshape(top.shape[1], top.shape[1])
        target = torch.eye(len(covariance), dtype=torch.float64) * covariance.diagonal().mean().clamp_min(1e-12)
        precision = torch.linalg.inv(0.9 * covariance + 0.1 * target)
        return cls(tuple(top.mean(dim=0).tolist()), tuple(tuple(row) for row in precision.tolist()))

    def distance(self, top: Tensor) -> Tensor:
        """Mahalanobis distance of sorted largest logits ``(..., k)`` from the natural ones, ``(...)``, ``>= 0``."""
        off = top.double() - torch.tensor(self.mean, dtype=torch.float64)
        precision = torch.tensor(self.precision, dtype=torch.float64)
        return torch.einsum("...i,...i->...", off @ precision, off).clamp_min(0).sqrt()


@dataclass(frozen=True, repr=False)
class NaturalReference(Printed):
    """Natural logits of one model.

    Attributes:
        model: its name.
        classes: how many classes it has.
        images: how many images it was fitted on.
        quantiles: per measure (those of `measures`, and ``confidence``), probability to value.
        tail: of CA1 over all images.
        top: the largest logits.
    """

    model: str
    classes: int
    images: int
    quantiles: Mapping[str, Mapping[str, float]]
    tail: Tail
    top: TopLogits

    @classmethod
    def fit(cls, model: str, logits: Tensor) -> "NaturalReference":
        """Fit on the logits ``(N, M)`` of natural images.

        Raises:
            DataError: fewer than 20 images with finite logits, or a single class.
        """
        z = logits[logits.isfinite().all(dim=1)].double().cpu()
        if len(z) < _FEWEST or z.shape[1] < 2:
            raise DataError(
                f"a natural reference needs at least {_FEWEST} images with finite logits of 2 classes or more, "
                f"got {len(z)} of {z.shape[1]}"
            )
        measured = {**measures(z), "confidence": SCORES["confidence"](z)}
        return cls(
            model=model,
            classes=z.shape[1],
            images=len(z),
            quantiles={name: quantiles(values, _QUANTILES) for name, values in measured.items()},
            tail=Tail.fit(measured["ca1"].numpy()),
            top=TopLogits.fit(torch.topk(z, min(_TOP_K, z.shape[1]), dim=1).values),
        )

    def check(self, model: str, classes: int) -> None:
        """Raise `DataError` unless this reference belongs to that model and number of classes."""
        if (model, classes) != (self.model, self.classes):
            raise DataError(
                f"this natural reference belongs to {self.model} with {self.classes} classes, "
                f"not to {model} with {classes}"
            )

    def log_tail_probability(self, logits: Tensor) -> Tensor:
        """Log of the probability that a natural image has a CA1 at least as large, ``(N, M) -> (N,)``, float64."""
        self._check_width(logits)
        return self.tail.log_probability(logits.double().amax(dim=1))

    def top_k_distance(self, logits: Tensor) -> Tensor:
        """Mahalanobis distance of the sorted top-k logits from the natural ones, ``(N,)``, float64, ``>= 0``."""
        self._check_width(logits)
        return self.top.distance(torch.topk(logits.double().cpu(), len(self.top.mean), dim=1).values)

    def save(self, path: str | Path) -> None:
        """Write as JSON."""
        text = json.dumps({"kind": "presoftmax natural reference", "version": _VERSION, **asdict(self)}, indent=1)
        replace_text(as_path(path, _WHAT), text + "\n")

    @classmethod
    def load(cls, path: str | Path) -> "NaturalReference":
        """Read what `save` wrote.

        Raises:
            DataError: no such file, another kind of file, or another version.
        """
        path = as_path(path, _WHAT)
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise DataError(f"{path}: {error.strerror}") from error
        except ValueError as error:
            raise DataError(f"{path}: not a natural reference ({error})") from error
        if not isinstance(content, dict) or content.pop("kind", None) != "presoftmax natural reference":
            raise DataError(f"{path}: not a natural reference")
        if (version := content.pop("version", None)) != _VERSION:
            raise DataError(f"{path}: version {version} of the natural reference; this presoftmax reads {_VERSION}")
        try:
            return cls(
                **content
                | {
                    "tail": _tail(content["tail"]),
                    "top": TopLogits(
                        tuple(content["top"]["mean"]), tuple(tuple(row) for row in content["top"]["precision"])
                    ),
                }
            )
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{path}: an incomplete natural reference ({error})") from error

    def _check_width(self, logits: Tensor) -> None:
        if logits.shape[1] != self.classes:
            raise DataError(
                f"{logits.shape[1]} logits for the natural reference of {self.classes} classes ({self.model})"
            )


def _tail(content: Mapping[str, Any]) -> Tail:
    return Tail(**{**content, "values": tuple(content["values"])})


def measures(logits: Tensor) -> dict[str, Tensor]:
    """The scores that have a natural range (`Score.natural`), of logits ``(N, M)``, each float64 ``(N,)``."""
    return {name: score(logits) for name, score in SCORES.items() if score.natural}


def ranges(logits: Tensor) -> dict[str, dict[str, float]]:
    """Where the scores that have a natural range lie on natural logits ``(N, M)``, as `NaturalReference.quantiles`.

    For images that are too few for a reference; rows that are not finite are left out.
    """
    finite = logits[logits.isfinite().all(dim=1)]
    return {name: quantiles(values, _QUANTILES) for name, values in measures(finite).items()}


def quantiles(values: Tensor, at: Sequence[float]) -> dict[str, float]:
    """Quantiles of values ``(N,)``, by the probability as text."""
    return {f"{q:g}": float(torch.quantile(values.double(), q)) for q in at}
