"""Where the margin, the top logits, and what flips and shifts leave of the margin lie together."""

import numpy as np
import torch
from sklearn.mixture import GaussianMixture
from torch import Tensor

from presoftmax.attacks import Identity
from presoftmax.defense._logits import margins
from presoftmax.defense.detector import Detector
from presoftmax.defense.views import Flip, MedianFilter, Shift

__all__ = ["CopiesMixture"]

_TOP = 3
_MOST_PARTS = 4
_IMAGES_PER_PART = 40
_REGULAR = 1e-2
_LEAST_SPREAD = 1e-6


class CopiesMixture(Detector):
    """Minus the log density under a Gaussian mixture of natural images, in nats.

    Of the margin, the three largest logits, and the change of the margin, over the margin, under the mirrored image, a
    median of 2 by 2 pixels, and shifts by a pixel (mean and least). Parts: as many as BIC likes, with at least 40
    images each (scikit-learn).
    """

    kind = "copies-mixture"
    views = (Identity(), Flip(), MedianFilter(2), Shift(1, 0), Shift(-1, 0), Shift(0, 1), Shift(0, -1))
    center: Tensor
    spread: Tensor
    soft: Tensor
    weights: Tensor
    means: Tensor
    precisions: Tensor

    def learn(self, logits: Tensor) -> None:
        """The mixture, of standardized values."""
        self.keep("soft", margins(logits)[0].median().clamp_min(_LEAST_SPREAD) / 4)
        features = self._features(logits)
        self.keep("center", features.mean(dim=0))
        self.keep("spread", features.std(dim=0).clamp_min(_LEAST_SPREAD))
        standard = ((features - self.center) / self.spread).numpy()
        most = max(1, min(_MOST_PARTS, len(standard) // _IMAGES_PER_PART))
        fits = [GaussianMixture(k, reg_covar=_REGULAR, random_state=0).fit(standard) for k in range(1, most + 1)]
        best = min(fits, key=lambda fit: fit.bic(standard))
        # Upper triangular factors P of the inverse covariances, P P^T.
        for name, values in (
            ("weights", best.weights_),
            ("means", best.means_),
            ("precisions", best.precisions_cholesky_),
        ):
            self.keep(name, torch.from_numpy(np.asarray(values, dtype=np.float64)))

    def statistic(self, logits: Tensor) -> Tensor:
        """Minus the log density, up to a constant."""
        standard = (self._features(logits).to(self.center) - self.center) / self.spread
        off = torch.einsum("nkd,kde->nke", standard[:, None] - self.means, self.precisions)
        log_volume = self.precisions.diagonal(dim1=1, dim2=2).log().sum(dim=1)
        return -torch.logsumexp(self.weights.log() + log_volume - off.square().sum(dim=2) / 2, dim=1)

    def _features(self, logits: Tensor) -> Tensor:
        margin = margins(logits)
        top = logits[0].topk(min(_TOP, logits.shape[2]), dim=1).values
        change = (margin[1:] - margin[0]) / (margin[0].abs() + self.soft)
        flip, median, shifts = change[0], change[1], change[2:]
        changes = torch.stack((flip, median, shifts.mean(dim=0), shifts.amin(dim=0)), dim=1)
        parts = (margin[0][:, None], top, changes)
        return torch.cat([part.to(logits) for part in parts], dim=1)
