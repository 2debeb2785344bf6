"""Points shown to victims, without what nobody would know of a victim: its family is never asked."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np
import numpy.typing as npt

from presoftmax.analysis.events import Flags, Values
from presoftmax.analysis.prediction.concordance import Cells, numbered
from presoftmax.analysis.prediction.points import Points
from presoftmax.analysis.trajectories import TransferCriterion
from presoftmax.printing import Printed

__all__ = ["Strictness", "Trials"]


class Strictness(StrEnum):
    """What the examples that are compared have in common; the victim always."""

    CELL = "cell"
    """Source, attack and iteration: only the images differ."""
    ATTACKS_MIXED = "attacks mixed"
    """The source."""
    SOURCES_MIXED = "sources mixed"
    """Nothing else."""


@dataclass(frozen=True, repr=False)
class Trials(Printed):
    """T rows, each a point and a victim that it was shown to.

    Only points at which the source itself is fooled, victims of another family than the source's, and trials for which
    there is a surrogate of a third.

    Attributes:
        points: of the attacks.
        criterion: what counts as transferred.
        row: position of each trial's point, ``(T,)``.
        victim: position of each trial's victim among the models, ``(T,)``.
    """

    points: Points
    criterion: TransferCriterion
    row: npt.NDArray[np.int64]
    victim: npt.NDArray[np.int64]

    @classmethod
    def of(cls, points: Points, criterion: TransferCriterion) -> "Trials":
        """Every trial of a criterion; none where no attack has targets."""
        there = points.source_fooled(criterion)
        rows, victims = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
        for i, name in enumerate(points.models.names):
            kin = {other for other, near in zip(points.models.names, points.models.kin(name), strict=True) if near}
            apart = there & ~np.isin(points.source, list(kin)) & np.isfinite(points.fooled[criterion][:, i])
            rows.append(np.flatnonzero(apart))
            victims.append(np.full(int(apart.sum()), i, dtype=np.int64))
        everything = cls(points, criterion, np.concatenate(rows), np.concatenate(victims))
        return everything.select(np.flatnonzero(everything.asked.any(axis=1)))

    def __len__(self) -> int:
        return len(self.row)

    def select(self, rows: npt.NDArray[np.generic]) -> "Trials":
        """Some of the trials."""
        return Trials(self.points, self.criterion, self.row[rows], self.victim[rows])

    @cached_property
    def fooled(self) -> Flags:
        """Whether the victim is, ``(T,)``."""
        flags: Flags = self.points.fooled[self.criterion][self.row, self.victim] == 1
        return flags

    @cached_property
    def image(self) -> npt.NDArray[np.int64]:
        """A number of the image, ``(T,)``; the same for the same points."""
        return numbered(self.points.example)[self.row]

    @cached_property
    def source(self) -> npt.NDArray[np.int64]:
        """Position of the source among the models, ``(T,)``."""
        return self.points.source_columns[self.row]

    @cached_property
    def asked(self) -> Flags:
        """Which models serve as surrogates, ``(T, M)``: neither the source, nor any of the victim's family."""
        kin = np.stack([self.points.models.kin(name) for name in self.points.models.names])
        asked: Flags = ~kin[self.victim]
        asked[np.arange(len(self)), self.source] = False
        return asked

    def of_surrogates(self, values: Values) -> Values:
        """Values ``(R, M)`` of the points as ``(T, M)``, NaN for models that are no surrogate."""
        return np.where(self.asked, values[self.row], np.nan)

    def cells(self, strictness: Strictness) -> Cells:
        """The trials in the groups in which they are compared."""
        attack, iteration = self.points.attack[self.row], self.points.iteration[self.row]
        alike = {
            Strictness.CELL: (self.source, attack, iteration),
            Strictness.ATTACKS_MIXED: (self.source,),
            Strictness.SOURCES_MIXED: (),
        }[strictness]
        return Cells.of(self.fooled, self.image, numbered(self.victim, *alike))
