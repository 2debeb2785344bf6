"""The trajectories of one attack on one source as arrays: what curves and claims are computed from."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import polars as pl

from presoftmax.analysis.events import Flags, Values, first_true
from presoftmax.errors import DataError
from presoftmax.printing import Printed
from presoftmax.tables import NOT_FINITE

__all__ = ["Trajectories", "TransferCriterion", "by_source", "read_trajectories"]

TransferCriterion = Literal["misclassified", "targeted"]
"""What counts as transferred: any wrong class (the paper's), or one of the targets."""

_KEYS = ["attack", "source"]


@dataclass(frozen=True, repr=False)
class Trajectories(Printed):
    """N examples over T iterations, all of them finite.

    Attributes:
        attack: its name.
        source: name of the source.
        examples: ids of the N examples.
        iterations: ``(T,)``, ascending, the first one 0.
        classes: target classes of each example, k; 0 for an attack without.
        steps: columns of the `steps` table, each ``(N, T)``; ``hit``: whether the source predicts a target.
        transferred: per victim, per criterion, ``(N, T)``; ``targeted`` only where the attack has targets.
        broken: ids of the examples left out because some logits, of the source or a victim, were not finite.
    """

    attack: str
    source: str
    examples: tuple[str, ...]
    iterations: npt.NDArray[np.int64]
    classes: int
    steps: Mapping[str, npt.NDArray[Any]]
    transferred: Mapping[str, Mapping[TransferCriterion, Flags]]
    broken: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.examples)

    def values(self, name: str) -> Values:
        """A column of the `steps` table as float64 ``(N, T)``."""
        return self.steps[name].astype(np.float64)

    @property
    def fooled(self) -> Flags:
        """Whether the source is fooled, ``(N, T)``: it predicts a target, or a wrong class where there is none.

        Needs the column ``hit``, or, without targets, ``true_margin``.
        """
        wrong: Flags = self.steps["hit"] if self.classes else self.values("true_margin") > 0
        return wrong

    @cached_property
    def saturated_at(self) -> npt.NDArray[np.int64]:
        """Position of the first iteration at which the confidence is exactly 1, ``(N,)``; T where there is none."""
        return first_true(self.steps["saturated"])


def by_source(
    steps: pl.DataFrame | pl.LazyFrame, transfers: pl.DataFrame | pl.LazyFrame, columns: Sequence[str]
) -> Iterator[Trajectories]:
    """The trajectories of tables of several attacks and sources, sorted by them; see `read_trajectories`."""
    for attack, source in steps.lazy().select(_KEYS).unique().sort(_KEYS).collect().rows():
        mine = (pl.col("attack") == attack) & (pl.col("source") == source)
        yield read_trajectories(steps.lazy().filter(mine), transfers.lazy().filter(mine), columns)


def read_trajectories(steps: pl.LazyFrame, transfers: pl.LazyFrame, columns: Sequence[str]) -> Trajectories:
    """The trajectories of one attack on one source.

    Args:
        steps: `steps` rows, every example at every iteration.
        transfers: `transfers` rows of the same examples, for every victim.
        columns: those of `steps` that are wanted besides what cleaning needs.

    Raises:
        DataError: no rows, or an example that lacks an iteration.
    """
    hit = pl.col("predicted").is_in(pl.col("targets")).alias("hit")
    wanted = [name for name in dict.fromkeys(columns) if name != "hit"]
    extra = [hit] if "hit" in columns else []
    k = pl.col("targets").list.len().alias("k")
    keys = (*_KEYS, "example", "iteration", "predicted")
    rows = steps.select(*keys, k, *wanted, *extra).sort("example", "iteration").collect()
    if rows.height == 0:
        raise DataError("there are no trajectories")
    attack, source = rows["attack"][0], rows["source"][0]
    ids = rows["example"].unique(maintain_order=True)
    iterations = rows["iteration"].unique().sort().to_numpy().astype(np.int64)
    shape = (len(ids), len(iterations))
    _check_whole(rows, shape, iterations, f"{attack} on {source}")
    finite = (rows["predicted"].to_numpy() != NOT_FINITE).reshape(shape).all(axis=1)
    shown = _shown(transfers, shape, iterations, f"{attack} on {source}")
    for predicted, _ in shown.values():
        finite &= (predicted != NOT_FINITE).all(axis=1)
    return Trajectories(
        attack=attack,
        source=source,
        examples=tuple(ids.filter(pl.Series(finite))),
        iterations=iterations,
        classes=int(rows["k"][0]),
        steps={name: rows[name].to_numpy().reshape(shape)[finite] for name in (*wanted, *(["hit"] if extra else []))},
        transferred={
            victim: {criterion: flags[finite] for criterion, flags in by_criterion.items()}
            for victim, (_, by_criterion) in shown.items()
        },
        broken=tuple(ids.filter(pl.Series(~finite))),
    )


def _shown(
    transfers: pl.LazyFrame, shape: tuple[int, int], iterations: npt.NDArray[np.int64], what: str
) -> dict[str, tuple[npt.NDArray[Any], dict[TransferCriterion, Flags]]]:
    """Per victim, in the order of the table: the predicted classes and what transferred, each ``(N, T)``."""
    rows = transfers.select("victim", "example", "iteration", "predicted", "misclassified", "targeted").collect()
    found: dict[str, tuple[npt.NDArray[Any], dict[TransferCriterion, Flags]]] = {}
    for (victim,), part in rows.group_by("victim", maintain_order=True):
        ordered = part.sort("example", "iteration")
        _check_whole(ordered, shape, iterations, f"{what}, victim {victim}")
        criteria = [each for each in get_args(TransferCriterion) if ordered[each].null_count() == 0]
        flags: dict[TransferCriterion, Flags] = {each: ordered[each].to_numpy().reshape(shape) for each in criteria}
        found[str(victim)] = (ordered["predicted"].to_numpy().reshape(shape), flags)
    return found


def _check_whole(rows: pl.DataFrame, shape: tuple[int, int], iterations: npt.NDArray[np.int64], what: str) -> None:
    """Sorted rows must be every example at every iteration, once."""
    expected = np.tile(iterations, shape[0])
    if rows.height != len(expected) or not np.array_equal(rows["iteration"].to_numpy(), expected):
        raise DataError(f"{what}: an example lacks an iteration or has one twice; the run is not complete")
