"""How the odds move when noise is added."""

import torch
from torch import Tensor

from presoftmax.attacks import Identity, View
from presoftmax.defense._logits import both_tails, by_class, top_class
from presoftmax.defense.detector import Detector
from presoftmax.defense.views import GaussianNoise

__all__ = ["NoiseOdds"]

_IMAGES_PER_CLASS = 20
_RIVALS = 10
_PRIOR_IMAGES = 5.0
_LEAST_SPREAD = 1e-6


class NoiseOdds(Detector):
    """Log-odds under noise (Roth, Kilcher and Hofmann 2019, arXiv:1902.04818), both ways, in nats.

    For the predicted class y and a rival j: the mean over noisy copies of how much ``z_j - z_y`` rises, in standard
    deviations of natural images (by pair of classes where there are 20 of a class or more, over all pairs otherwise);
    the largest over the ten highest rivals. Theirs flags a large one; over-optimized examples move less than natural
    ones, so what counts here is how rare it is at either end.

    Args:
        copies: how many noisy copies.
        grey_levels: standard deviation of the noise.
        seed: of the noise.
    """

    kind = "noise-odds"
    mean: Tensor
    spread: Tensor
    natural: Tensor

    def __init__(self, copies: int = 4, grey_levels: float = 8.0, seed: int = 0) -> None:
        super().__init__()
        noise: list[View] = [GaussianNoise(grey_levels, seed, number) for number in range(copies)]
        self.views = (Identity(), *noise)

    def learn(self, logits: Tensor) -> None:
        """Mean and spread of the rise by pair, and the natural values."""
        rise, top, count = _rise(logits), top_class(logits), logits.shape[2]
        mean, spread = rise.mean(), rise.std()
        if rise.shape[0] >= _IMAGES_PER_CLASS * count:
            members = by_class(top, count)
            of_class = members.sum(dim=1, keepdim=True) + _PRIOR_IMAGES
            mean = (members @ rise + _PRIOR_IMAGES * mean) / of_class
            off = (rise - mean[top]).square()
            spread = ((members @ off + _PRIOR_IMAGES * spread.square()) / of_class).sqrt()
        self.keep("mean", mean.expand(count, count) if mean.ndim else mean)
        self.keep("spread", spread.clamp_min(_LEAST_SPREAD))
        self.keep("natural", self._largest(logits).sort().values)

    def statistic(self, logits: Tensor) -> Tensor:
        """How rare the largest rise is at the end at which it is rarer."""
        return both_tails(self.natural, self._largest(logits))

    def _largest(self, logits: Tensor) -> Tensor:
        top = top_class(logits)
        rise = _rise(logits)
        standard = (rise - self._of(self.mean, top)) / self._of(self.spread, top)
        highest = logits[0].scatter(1, top[:, None], -torch.inf)
        rivals = highest.topk(min(_RIVALS, logits.shape[2] - 1), dim=1).indices
        return standard.gather(1, rivals).amax(dim=1)

    def _of(self, by_pair: Tensor, top: Tensor) -> Tensor:
        return by_pair if by_pair.ndim == 0 else by_pair[top]


def _rise(logits: Tensor) -> Tensor:
    """Mean over the copies of the rise of ``z_j - z_y``, ``(N, M)``."""
    top = top_class(logits)[None, :, None].expand(len(logits), -1, 1)
    behind = logits - logits.gather(2, top)
    rise: Tensor = behind[1:].mean(dim=0) - behind[0]
    return rise
