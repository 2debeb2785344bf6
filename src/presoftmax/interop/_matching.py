"""Whose image each row of a pass is: followed from where each example was last seen, and by the order of the batch."""

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["NOBODY", "Matcher"]

NOBODY = -1
"""The example of a row that fits none."""

_POINTS = 4096
# Root mean square distances in grey levels, over a few thousand fixed pixel values: noise and perturbations stay below
# the first; two photos are hardly ever so near to each other as the second.
_FAR = 90.0
_SAME = 0.5


class Matcher:
    """Finds out which example each shown image is.

    * A batch of as many rows as there are examples, or several copies of it, is in their order: attacks keep it, also
      those that begin at other images of the batch. Only where the first such batch is the clean images in another
      order (a loader that shuffles), it is that order.
    * A smaller batch is part of them, each example at most once: rows go where each example was last seen, or to its
      clean image; between equals, to the examples of the batch before, then to those not seen yet, in their order.
    * Rows that fit nobody are booked under nobody, and counted.

    Args:
        clean: uint8 ``(N, 3, H, W)``.
    """

    def __init__(self, clean: Tensor) -> None:
        size = clean[0].numel()
        generator = torch.Generator().manual_seed(0)
        self._points = torch.randperm(size, generator=generator)[:_POINTS]
        self._clean = self._of(clean)
        self._last = self._clean.clone()
        self._seen = torch.zeros(len(clean), dtype=torch.bool)
        self._order: Tensor | None = None
        self._before: list[int] = []
        self.expected: Tensor | None = None
        self.tied = 0
        self.strangers = 0

    def match(self, pixels: Tensor) -> Tensor:
        """Positions int64 ``(B,)`` of the examples of shown images uint8 ``(B, 3, H, W)``."""
        points = self._of(pixels)
        examples = self._find(points)
        known = examples >= 0
        self._last[examples[known]] = points[known]
        self._seen[examples[known]] = True
        self._before = examples.tolist()
        return examples

    def _of(self, pixels: Tensor) -> Tensor:
        return pixels.flatten(1)[:, self._points].float()

    def _find(self, points: Tensor) -> Tensor:
        rows, count = len(points), len(self._clean)
        if self.expected is not None and rows % len(self.expected) == 0:
            return self.expected.repeat(rows // len(self.expected))
        if rows % count == 0:
            return self._whole_batch(points).repeat(rows // count)
        if rows < count:
            return self._part(points)
        return self._nearest(points)

    def _whole_batch(self, points: Tensor) -> Tensor:
        if self._order is None:
            self._order = self._first_order(points[: len(self._clean)])
        return self._order

    def _first_order(self, points: Tensor) -> Tensor:
        """In order, unless the rows are the clean images themselves, rearranged."""
        ordered = torch.arange(len(self._clean))
        distance = self._distance(points, self._clean)
        if bool((distance.diagonal() <= _FAR / 4).all()):
            return ordered
        from scipy.optimize import linear_sum_assignment

        rows, found = linear_sum_assignment(distance.numpy())
        moved = bool((distance[rows, found] <= _SAME).all()) and not bool((distance.diagonal() <= _SAME).any())
        # All of them elsewhere, and exactly there: shuffled. (Some elsewhere: an attack that begins at other images.)
        return torch.from_numpy(found) if moved else ordered

    def _part(self, points: Tensor) -> Tensor:
        """Each row another example: the cheapest assignment, and between equals the expected order."""
        distance = torch.minimum(self._distance(points, self._clean), self._distance(points, self._last))
        preference = self._preference(len(points))
        from scipy.optimize import linear_sum_assignment

        rows, found = linear_sum_assignment((distance + _SAME * preference).numpy())
        cost = distance[rows, found]
        return self._settled(torch.from_numpy(found).clone(), cost, distance)

    def _preference(self, rows: int) -> Tensor:
        """Where each row is expected ``(B, N)``: 0 first, 1 next, 2 elsewhere."""
        count = len(self._clean)
        expected = torch.full((rows, count), 2.0)
        before = [example for example in self._before if example >= 0]
        unseen = (~self._seen).nonzero()[:, 0].tolist()
        for row, example in enumerate(unseen[:rows]):
            expected[row, example] = 1.0
        if len(before) == rows:
            for row, example in enumerate(before):
                expected[row, example] = 0.0
        return expected

    def _nearest(self, points: Tensor) -> Tensor:
        distance = torch.minimum(self._distance(points, self._clean), self._distance(points, self._last))
        cost, examples = distance.min(dim=1)
        return self._settled(examples, cost, distance)

    def _settled(self, examples: Tensor, cost: Tensor, distance: Tensor) -> Tensor:
        """The examples without strangers; rows that fit several alike are counted."""
        strange = cost > _FAR
        rivals = (distance <= cost[:, None] + _SAME).sum(dim=1) > 1
        self.tied += int((rivals & ~strange).sum())
        self.strangers += int(strange.sum())
        return torch.where(strange, NOBODY, examples)

    def _distance(self, points: Tensor, others: Tensor) -> Tensor:
        """Root mean square differences ``(B, N)`` in grey levels."""
        distance: Tensor = torch.cdist(points, others) / points.shape[1] ** 0.5
        return distance

    def expect(self, examples: Sequence[int] | None) -> None:
        """Whose rows come from now on, as the user says; None: as they are found."""
        self.expected = None if examples is None else torch.tensor(list(examples), dtype=torch.int64)
