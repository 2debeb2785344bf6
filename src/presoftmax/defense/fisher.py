"""Several detectors as one."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from presoftmax.defense.answers import joined_views, rows_of
from presoftmax.defense.copies_mixture import CopiesMixture
from presoftmax.defense.detector import Detector
from presoftmax.defense.mahalanobis import Mahalanobis
from presoftmax.defense.margin_left import MarginLeft
from presoftmax.defense.noise_odds import NoiseOdds
from presoftmax.errors import DataError

__all__ = ["Fisher"]


class Fisher(Detector):
    """Fisher's sum (1925) of the p-values of other detectors: ``-2 sum_i log p_i``.

    The members' p-values are smooth (`presoftmax.defense.conformal.surprise`), so that the sum has no end and can be
    followed by gradients. They are not independent, so the sum is not read from a chi-squared law but recalibrated on
    natural images that no member has seen.

    Args:
        members: not fitted yet; Mahalanobis, the mixture of copies, odds under noise and the margin left when left out.
    """

    kind = "fisher"

    def __init__(self, members: Sequence[Detector] | None = None) -> None:
        super().__init__()
        chosen = [Mahalanobis(), CopiesMixture(), NoiseOdds(), MarginLeft()] if members is None else list(members)
        if not chosen:
            raise DataError("Fisher's sum needs at least one detector")
        self.members = nn.ModuleList(chosen)
        self.views = joined_views(*(member.views for member in chosen))
        self._rows = [rows_of(member.views, self.views) for member in chosen]

    def learn(self, logits: Tensor) -> None:
        """Fit the members, each calibrated crosswise: no half by what it was fitted to."""
        for member, rows in zip(self._detectors, self._rows, strict=True):
            member.learn_crosswise(logits[rows])

    def statistic(self, logits: Tensor) -> Tensor:
        """The sum."""
        each = [member.surprise(logits[rows]) for member, rows in zip(self._detectors, self._rows, strict=True)]
        return 2 * torch.stack(each).sum(dim=0)

    @property
    def _detectors(self) -> list[Detector]:
        return [member for member in self.members if isinstance(member, Detector)]
