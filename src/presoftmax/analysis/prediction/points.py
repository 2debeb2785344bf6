"""What is known of examples at the iterations that are looked at: one row each, a column per model."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
import polars as pl

from presoftmax.analysis.events import Flags, Values
from presoftmax.analysis.trajectories import TransferCriterion
from presoftmax.errors import DataError
from presoftmax.printing import Printed
from presoftmax.scores import model_scale
from presoftmax.tables import NOT_FINITE

__all__ = ["CRITERIA", "ODDS", "OWN", "ModelFacts", "Points", "join_points", "read_points", "scale_of"]

CRITERIA: tuple[TransferCriterion, ...] = get_args(TransferCriterion)
ODDS: dict[TransferCriterion, str] = {"misclassified": "misclassification_log_odds", "targeted": "group_log_odds"}
OWN = ("l2", "linf", "confidence", "ca1", "margin", "log_odds", "misclassification_log_odds", "group_log_odds")
"""Columns of `steps` that are known of an example without any other model."""


def scale_of(name: str, natural: Values) -> float:
    """`presoftmax.scores.model_scale` of a model; raises `DataError` with its name where there is none."""
    try:
        return model_scale(natural)
    except ValueError as error:
        raise DataError(f"{name}: {error}") from error


@dataclass(frozen=True, repr=False)
class ModelFacts(Printed):
    """What is known of the models, in one order.

    Attributes:
        names: as in the tables.
        families: architecture family of each.
        scales: `presoftmax.scores.model_scale` of each, ``(M,)``.
        ca1: mean and standard deviation of each one's CA1 of natural images, ``(M, 2)``.
        values: pixel values (C x H x W) of an image.
    """

    names: tuple[str, ...]
    families: tuple[str, ...]
    scales: Values
    ca1: Values
    values: int

    @classmethod
    def of(cls, natural: pl.DataFrame, families: Mapping[str, str], values: int) -> "ModelFacts":
        """From the `natural` table.

        Args:
            natural: its rows.
            families: of models by name; one that is not there is a family of its own.
            values: pixel values of an image.

        Raises:
            DataError: a model without finite logits of a natural image, or all of whose log-odds are 0.
        """
        finite = natural.filter(pl.col("predicted") != NOT_FINITE)
        names = tuple(natural["model"].unique(maintain_order=True).to_list())
        scales, ca1 = [], []
        for name in names:
            mine = finite.filter(pl.col("model") == name)
            scales.append(scale_of(name, mine["misclassification_log_odds"].to_numpy()))
            logits = mine["ca1"].cast(pl.Float64).to_numpy()
            ca1.append((logits.mean(), max(float(logits.std()), 1e-9)))
        named = tuple(families.get(name, name) for name in names)
        return cls(names, named, np.array(scales), np.array(ca1), values)

    def kin(self, name: str) -> npt.NDArray[np.bool_]:
        """Which models are of the family of this one (itself among them), ``(M,)``."""
        family = self.families[self.names.index(name)]
        return np.array([each == family for each in self.families])


@dataclass(frozen=True, repr=False)
class Points(Printed):
    """R rows, each an example of an attack on a source at an iteration, and what M models say to it.

    Attributes:
        models: facts of the M models.
        attack: ``(R,)`` names.
        source: likewise.
        example: ids.
        iteration: ``(R,)``.
        odds: per criterion, log-odds of each model ``(R, M)``, the source's own in its column: the misclassification
            log-odds, or the group log-odds of the targets (NaN where the attack has none).
        fooled: per criterion, whether each model is, ``(R, M)``: 1, 0, or NaN where the attack has no targets.
        own: columns of `OWN` and ``iteration``, each ``(R,)``.
        copies: per criterion, the source's log-odds averaged over copies of the image, ``(R,)``; NaN without copies.
        clean: misclassification log-odds of each model of the clean image, ``(R, M)``.
        noise: whether noise of the same L2 norm makes each model predict a wrong class, ``(R, M)``: 1, 0, NaN.
    """

    models: ModelFacts
    attack: npt.NDArray[np.str_]
    source: npt.NDArray[np.str_]
    example: npt.NDArray[np.str_]
    iteration: npt.NDArray[np.int64]
    odds: Mapping[TransferCriterion, Values]
    fooled: Mapping[TransferCriterion, Values]
    own: Mapping[str, Values]
    copies: Mapping[TransferCriterion, Values]
    clean: Values
    noise: Values

    def __len__(self) -> int:
        return len(self.iteration)

    def select(self, rows: Flags) -> "Points":
        """Some of the rows."""
        return _mapped([self], lambda parts: parts[0][rows])

    def scaled(self, criterion: TransferCriterion) -> Values:
        """Log-odds in units of each model's scale, ``(R, M)``."""
        return self.odds[criterion] / self.models.scales

    def source_fooled(self, criterion: TransferCriterion) -> Flags:
        """Whether the source itself is fooled, ``(R,)``."""
        fooled: Flags = self.fooled[criterion][np.arange(len(self)), self.source_columns] == 1
        return fooled

    def scaled_copies(self, criterion: TransferCriterion) -> Values:
        """`copies` in units of the source's scale; its log-odds of the image itself where there are no copies."""
        columns = self.source_columns
        alone = self.odds[criterion][np.arange(len(self)), columns]
        values = np.where(np.isfinite(self.copies[criterion]), self.copies[criterion], alone)
        scaled: Values = values / self.models.scales[columns]
        return scaled

    @property
    def natural_ca1(self) -> Values:
        """The source's CA1, in standard deviations from the mean of its natural images, ``(R,)``."""
        mean, std = self.models.ca1[self.source_columns].T
        values: Values = (self.own["ca1"] - mean) / std
        return values

    @property
    def scaled_clean(self) -> Values:
        """`clean` in units of each model's scale, ``(R, M)``."""
        return self.clean / self.models.scales

    @cached_property
    def source_columns(self) -> npt.NDArray[np.int64]:
        """Position of each row's source among the models, ``(R,)``."""
        position = {name: i for i, name in enumerate(self.models.names)}
        return np.array([position[name] for name in self.source.tolist()], dtype=np.int64)


def read_points(
    models: ModelFacts,
    steps: pl.LazyFrame,
    transfers: pl.LazyFrame,
    copies: pl.LazyFrame | None,
    noise: pl.LazyFrame | None,
    iterations: Sequence[int],
) -> Points:
    """The points of one attack on one source; examples with logits that are not finite are left out.

    Args:
        models: facts of all models in the tables.
        steps: `steps` rows.
        transfers: `transfers` rows of every victim.
        copies: `copies` rows, if there are any.
        noise: `noise` rows, if there are any.
        iterations: those looked at; 0, the clean image, is not among the points.
    """
    looked = pl.col("iteration").is_in([0, *iterations])
    rows = steps.filter(looked).sort("example", "iteration").collect()
    source = rows["source"][0]
    grid = rows.select("example", "iteration")
    shown = transfers.filter(looked).collect()
    count, width = rows.height, len(models.names)
    odds = {criterion: np.full((count, width), np.nan) for criterion in CRITERIA}
    fooled = {criterion: np.full((count, width), np.nan) for criterion in CRITERIA}
    finite = rows["predicted"].to_numpy() != NOT_FINITE
    for i, name in enumerate(models.names):
        part = _own_answers(rows) if name == source else _on(grid, shown.filter(pl.col("victim") == name))
        finite = finite & (part["predicted"].fill_null(NOT_FINITE).to_numpy() != NOT_FINITE)
        for criterion in CRITERIA:
            odds[criterion][:, i] = _floats(part[ODDS[criterion]])
            fooled[criterion][:, i] = _floats(part[criterion])
    ids = rows["example"].to_numpy().astype(str)
    whole = ~np.isin(ids, ids[~finite])
    numbers = rows["iteration"].to_numpy().astype(np.int64)
    clean = _repeated(odds["misclassified"], ids, numbers)
    points = Points(
        models=models,
        attack=rows["attack"].to_numpy().astype(str),
        source=rows["source"].to_numpy().astype(str),
        example=ids,
        iteration=numbers,
        odds=odds,
        fooled=fooled,
        own={"iteration": numbers.astype(np.float64), **{name: _floats(rows[name]) for name in OWN}},
        copies=_copies(grid, source, copies),
        clean=clean,
        noise=_noise(grid, models, noise),
    )
    return points.select(whole & (numbers > 0))


def join_points(parts: Sequence[Points]) -> Points:
    """The rows of several, of the same models, one after the other."""
    return _mapped(parts, np.concatenate)


def _mapped(parts: Sequence[Points], change: Callable[[list[Any]], Any]) -> Points:
    """Points of which every array is made of those of the parts."""
    names = ("attack", "source", "example", "iteration", "clean", "noise")
    arrays: dict[str, Any] = {name: change([getattr(each, name) for each in parts]) for name in names}
    tables: dict[str, Any] = {
        name: {key: change([getattr(each, name)[key] for each in parts]) for key in getattr(parts[0], name)}
        for name in ("odds", "fooled", "own", "copies")
    }
    return Points(models=parts[0].models, **arrays, **tables)


def _own_answers(rows: pl.DataFrame) -> pl.DataFrame:
    """The source's rows with the columns that victims have."""
    hit = pl.when(pl.col("targets").list.len() > 0).then(pl.col("predicted").is_in(pl.col("targets")))
    return rows.with_columns((pl.col("predicted") != pl.col("label")).alias("misclassified"), hit.alias("targeted"))


def _on(grid: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows in the order of a grid of examples and iterations."""
    return grid.join(rows, on=["example", "iteration"], how="left", maintain_order="left")


def _floats(column: pl.Series) -> Values:
    values: Values = column.cast(pl.Float64).fill_null(np.nan).to_numpy().copy()
    return values


def _repeated(odds: Values, ids: npt.NDArray[np.str_], numbers: npt.NDArray[np.int64]) -> Values:
    """Each example's values at iteration 0, in all its rows."""
    at = {name: i for i, (name, number) in enumerate(zip(ids.tolist(), numbers.tolist(), strict=True)) if number == 0}
    repeated: Values = odds[[at[name] for name in ids.tolist()]]
    return repeated


def _copies(grid: pl.DataFrame, source: str, copies: pl.LazyFrame | None) -> dict[TransferCriterion, Values]:
    if copies is None:
        return {criterion: np.full(grid.height, np.nan) for criterion in CRITERIA}
    keys = ["example", "iteration"]
    means = copies.filter(pl.col("model") == source).group_by(keys).agg(pl.col(*ODDS.values()).mean()).collect()
    there = _on(grid, means)
    return {criterion: _floats(there[ODDS[criterion]]) for criterion in CRITERIA}


def _noise(grid: pl.DataFrame, models: ModelFacts, noise: pl.LazyFrame | None) -> Values:
    found = np.full((grid.height, len(models.names)), np.nan)
    if noise is not None:
        rows = noise.collect()
        for i, name in enumerate(models.names):
            found[:, i] = _floats(_on(grid, rows.filter(pl.col("victim") == name))["misclassified"])
    return found
