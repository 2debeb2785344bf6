"""Ridge logistic regression of standardized columns, as plain numbers that a file can hold."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from presoftmax.analysis.events import Flags, Values
from presoftmax.printing import Printed

__all__ = ["Logistic", "fit_logistic", "thinned"]

_RIDGE = 1.0
_STEPS = 500
_MOST = 20_000


@dataclass(frozen=True, repr=False)
class Logistic(Printed):
    """A fitted regression.

    Attributes:
        mean: of each column where it was fitted, ``(F,)``.
        std: likewise, the standard deviation.
        weights: of the standardized columns.
        intercept: log-odds of an average row.
    """

    mean: Values
    std: Values
    weights: Values
    intercept: float

    def log_odds(self, columns: Values) -> Values:
        """Log-odds ``(N,)`` of columns ``(N, F)``."""
        odds: Values = (columns - self.mean) / self.std @ self.weights + self.intercept
        return odds


def thinned(rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """At most 20,000 of the rows, drawn at random: more make a fit slower and hardly another."""
    return np.random.default_rng(0).choice(rows, _MOST, replace=False) if len(rows) > _MOST else rows


def fit_logistic(columns: Values, outcomes: Flags, ridge: float = _RIDGE, weights: Values | None = None) -> Logistic:
    """Fit outcomes ``(N,)`` to columns ``(N, F)``.

    Args:
        columns: finite numbers.
        outcomes: what is to be told.
        ridge: strength of the penalty on the weights of standardized columns (scikit-learn's ``1 / C``).
        weights: of the rows, ``(N,)``; all alike when left out.

    Raises:
        ValueError: the outcomes are all the same.
    """
    from sklearn.linear_model import LogisticRegression  # Takes a second to import, and few commands fit anything.

    if outcomes.all() or not outcomes.any():
        raise ValueError("nothing can be fitted: the outcomes are all the same")
    mean, std = columns.mean(axis=0), columns.std(axis=0)
    std = np.where(std > 0, std, 1.0)
    model = LogisticRegression(C=1 / ridge, max_iter=_STEPS).fit((columns - mean) / std, outcomes, weights)
    return Logistic(mean, std, model.coef_[0].astype(np.float64), float(model.intercept_[0]))
