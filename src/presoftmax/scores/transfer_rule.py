"""The rule that ranks transfer to a model nobody has: log-odds of surrogates, before the softmax, never saturating."""

import numpy as np
import numpy.typing as npt

__all__ = ["OWN_WEIGHT", "expected_transfer", "model_scale", "signed_log"]

Values = npt.NDArray[np.float64]

OWN_WEIGHT = 0.5
"""How much the source's own copies count beside the surrogates: it is the model that the attack was made on."""


def signed_log(values: Values) -> Values:
    """``sign(x) log(1 + |x|)``: linear about 0, where the decision falls, logarithmic far from it."""
    return np.sign(values) * np.log1p(np.abs(values))


def model_scale(natural: Values) -> float:
    """How large log-odds of a model are: the median of ``|misclassification log-odds|`` of natural images ``(N,)``.

    Raises:
        ValueError: no value is finite, or their median is 0.
    """
    finite = np.abs(natural[np.isfinite(natural)])
    scale = float(np.median(finite)) if len(finite) else 0.0
    if scale <= 0:
        raise ValueError("no misclassification log-odds of a natural image is finite, or their median is 0")
    return scale


def expected_transfer(surrogates: Values, copies: Values | None = None) -> Values:
    """How far an example is to be expected to fool a model that is not among those asked; larger transfers more.

    ``R = mean_u slog(L_u / m_u) + 0.5 slog(mean over copies of L_source / m_source)``. L is the misclassification
    log-odds, or, for a targeted transfer, the group log-odds of the targets; m is `model_scale` of that model.

    Args:
        surrogates: ``L_u / m_u``, ``(N, U)``; NaN where a surrogate was not asked or its logits are not finite.
        copies: ``L_source / m_source`` of each copy of the image, averaged, ``(N,)``; left out where there are none.

    Returns:
        ``(N,)``, any real number, no unit; NaN where no surrogate is known, or the copies are not: a part of the rule
        is another number than the rule.
    """
    known = np.isfinite(surrogates)
    count = known.sum(axis=1)
    total = np.where(known, signed_log(np.where(known, surrogates, 0.0)), 0.0).sum(axis=1)
    rule: Values = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    if copies is None:
        return rule
    own = np.isfinite(copies)
    return np.where(own, rule + OWN_WEIGHT * signed_log(np.where(own, copies, 0.0)), np.nan)
