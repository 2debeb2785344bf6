"""How high the logits are: the class activations of the paper, as alarms."""

import torch
from torch import Tensor

from presoftmax.defense._logits import both_tails, by_class, shrunk_means, top_class
from presoftmax.defense.detector import Detector

__all__ = ["ClassMaxLogit", "Energy", "LogOdds", "MaxLogit", "TukeyFence"]

_LEAST_SPREAD = 1e-6
_FEWEST_OF_A_CLASS = 8


class MaxLogit(Detector):
    """The largest logit, CA1 (the paper's last paragraph): ``max_j z_j``, in logits."""

    kind = "max-logit"

    def statistic(self, logits: Tensor) -> Tensor:
        """``max_j z_j``."""
        return logits[0].amax(dim=1)


class ClassMaxLogit(Detector):
    """CA1 against natural images of the same predicted class: ``(CA1 - m_c) / s_c``, in standard deviations.

    Mean and spread of a class are drawn to those of all images as if by five images more.
    """

    kind = "class-max-logit"
    mean: Tensor
    spread: Tensor

    def learn(self, logits: Tensor) -> None:
        """Mean and spread of CA1 by predicted class."""
        height, top, count = logits[0].amax(dim=1), top_class(logits), logits.shape[2]
        mean = shrunk_means(height, top, count)
        self.keep("mean", mean)
        self.keep("spread", shrunk_means((height - mean[top]).square(), top, count).sqrt().clamp_min(_LEAST_SPREAD))

    def statistic(self, logits: Tensor) -> Tensor:
        """``(CA1 - m_c) / s_c`` for the predicted class c."""
        top = top_class(logits)
        return (logits[0].amax(dim=1) - self.mean[top]) / self.spread[top]


class TukeyFence(Detector):
    """Tukey's fence on CA1 by predicted class (IQR thresholding, arXiv:1907.12744), in interquartile ranges.

    ``max(CA1 - Q3, Q1 - CA1) / (Q3 - Q1)``: the fence that paper sets is at 1.5; here the threshold follows from the
    false-positive rate. Classes of fewer than eight natural images have the quartiles of all.
    """

    kind = "tukey-fence"
    quartiles: Tensor

    def learn(self, logits: Tensor) -> None:
        """The quartiles of CA1, ``(2, M)``."""
        height, members = logits[0].amax(dim=1), by_class(top_class(logits), logits.shape[2]).bool()
        at = torch.tensor([0.25, 0.75], dtype=height.dtype)
        everything = torch.quantile(height, at)
        each = [torch.quantile(height[row], at) if row.sum() >= _FEWEST_OF_A_CLASS else everything for row in members]
        self.keep("quartiles", torch.stack(each, dim=1))

    def statistic(self, logits: Tensor) -> Tensor:
        """How far outside the quartiles of its class."""
        height = logits[0].amax(dim=1)
        low, high = self.quartiles[:, top_class(logits)]
        outside: Tensor = torch.maximum(height - high, low - height) / (high - low).clamp_min(_LEAST_SPREAD)
        return outside


class Energy(Detector):
    """The free energy with its sign turned round (Liu et al. 2020, arXiv:2010.03759): ``logsumexp(z)``, in logits.

    There, images from elsewhere have a small one; over-optimized examples have a large one.
    """

    kind = "energy"

    def statistic(self, logits: Tensor) -> Tensor:
        """``logsumexp(z)``."""
        return torch.logsumexp(logits[0], dim=1)


class LogOdds(Detector):
    """Log-odds of the top class, too large or too small: minus the log of its rarer tail, in nats."""

    kind = "log-odds"
    natural: Tensor

    def learn(self, logits: Tensor) -> None:
        """The natural log-odds, ascending."""
        self.keep("natural", self._odds(logits).sort().values)

    def statistic(self, logits: Tensor) -> Tensor:
        """How rare the log-odds are at the end at which they are rarer."""
        return both_tails(self.natural, self._odds(logits))

    def _odds(self, logits: Tensor) -> Tensor:
        top = top_class(logits)[:, None]
        others = logits[0].scatter(1, top, -torch.inf)
        return logits[0].gather(1, top)[:, 0] - torch.logsumexp(others, dim=1)
