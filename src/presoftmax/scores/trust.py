"""How far a model's confidence can be trusted, from its logits on natural images alone."""

from dataclasses import dataclass

from torch import Tensor

from presoftmax import numerics
from presoftmax.numerics import FORMATS
from presoftmax.printing import Printed
from presoftmax.scores.natural import measures, quantiles

__all__ = ["Trust", "assess"]

_QUANTILES = (0.0, 0.05, 0.5, 0.95, 1.0)


@dataclass(frozen=True, repr=False)
class Trust(Printed):
    """What natural logits say of a model's confidence.

    Attributes:
        images: images with finite logits.
        not_finite: images without; they are left out of everything else.
        accuracy: share of right answers; None where no labels are known.
        exactly_one: per format, share of images whose confidence is exactly 1 in it ("reads 1.00" for two decimals).
        gradient_zero_in_top: share of images at which the float32 cross-entropy of the predicted class has a
            derivative of exactly 0 in the top logit: a gradient attack on it starts in the wrong direction.
        gradient_zero: share at which it is exactly 0 in every logit: such an attack does not start at all.
        ranges: quantiles (0, 0.05, 0.5, 0.95, 1) of ``ca1``, ``log_odds``, ``margin`` and ``logsumexp``.
    """

    images: int
    not_finite: int
    accuracy: float | None
    exactly_one: dict[str, float]
    gradient_zero_in_top: float
    gradient_zero: float
    ranges: dict[str, dict[str, float]]


def assess(logits: Tensor, labels: Tensor | None = None) -> Trust:
    """Assess a model by its float32 logits ``(N, M)`` on natural images, and their labels ``(N,)`` where known.

    Raises:
        ValueError: no image has finite logits.
    """
    finite = logits.isfinite().all(dim=1)
    z = logits[finite].float().cpu()
    if len(z) == 0:
        raise ValueError("no image has finite logits")
    predicted = z.argmax(dim=1)
    known = None if labels is None else labels[finite.cpu()]
    gradient = numerics.cross_entropy_gradient(z, predicted)
    in_top = gradient.gather(1, predicted[:, None])[:, 0]
    return Trust(
        images=len(z),
        not_finite=int((~finite).sum()),
        accuracy=None if known is None else _share(predicted == known),
        exactly_one={kind.name: _share(kind.probabilities(z).amax(dim=1) == 1) for kind in FORMATS},
        gradient_zero_in_top=_share(in_top == 0),
        gradient_zero=_share((gradient == 0).all(dim=1)),
        ranges={name: quantiles(values, _QUANTILES) for name, values in measures(z).items()},
    )


def _share(flags: Tensor) -> float:
    return float(flags.double().mean())
