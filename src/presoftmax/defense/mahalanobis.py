"""How far all logits are from those of natural images of the same predicted class."""

import torch
from sklearn.covariance import LedoitWolf
from torch import Tensor

from presoftmax.defense._logits import by_class, top_class
from presoftmax.defense.detector import Detector

__all__ = ["Mahalanobis"]

_PRIOR_IMAGES = 5.0
_RIDGE = 1e-6


class Mahalanobis(Detector):
    """Distance of the centered logits to the mean of the predicted class (Lee et al. 2018, arXiv:1807.03888).

    ``sqrt((z - m_c)^T S^-1 (z - m_c))`` with one covariance S for all classes, shrunk (Ledoit and Wolf 2004), in
    standard deviations. A class of few natural images has its mean drawn to that of all, raised in its own logit as
    tops are, as if by five images more.
    """

    kind = "mahalanobis"
    means: Tensor
    precision: Tensor

    def learn(self, logits: Tensor) -> None:
        """Means by predicted class ``(M, M)``, and the inverse of the shared covariance."""
        centered, top, count = _centered(logits[0]), top_class(logits), logits.shape[2]
        members = by_class(top, count)
        prior = centered.mean(dim=0).repeat(count, 1)
        prior += torch.diag(centered.amax(dim=1).mean() - prior.diagonal())
        means = (members @ centered + _PRIOR_IMAGES * prior) / (members.sum(dim=1, keepdim=True) + _PRIOR_IMAGES)
        covariance = torch.from_numpy(LedoitWolf(assume_centered=True).fit((centered - means[top]).numpy()).covariance_)
        # Centered logits do not vary along the sum of all.
        ridge = _RIDGE * covariance.diagonal().mean().clamp_min(_RIDGE)
        self.keep("means", means)
        self.keep("precision", torch.linalg.inv(covariance + ridge * torch.eye(count, dtype=covariance.dtype)))

    def statistic(self, logits: Tensor) -> Tensor:
        """The distance, never negative."""
        off = _centered(logits[0]).to(self.means) - self.means[top_class(logits)]
        return torch.einsum("ni,ij,nj->n", off, self.precision, off).clamp_min(_RIDGE).sqrt()


def _centered(logits: Tensor) -> Tensor:
    return logits - logits.mean(dim=1, keepdim=True)
