"""How far each iteration of an attack is to be expected to fool each victim, by what all others say to it."""

from collections.abc import Mapping

import numpy as np
import polars as pl

from presoftmax.analysis.prediction.methods import rule
from presoftmax.analysis.prediction.points import CRITERIA, ModelFacts, Points, read_points
from presoftmax.analysis.prediction.trials import Trials
from presoftmax.analysis.trajectories import TransferCriterion
from presoftmax.errors import DataError
from presoftmax.tables import EXPECTED, polars_schema

__all__ = ["expected_transfers"]


def expected_transfers(
    steps: pl.DataFrame, transfers: pl.DataFrame, families: Mapping[str, str] | None = None
) -> pl.DataFrame:
    """The rule at every iteration, for every victim, by the other victims; no victim is asked about itself.

    How large log-odds of a model are is told from iteration 0, the clean images. Copies of the images are not seen: the
    source's log-odds of the image itself stand for them.

    Args:
        steps: the `steps` table, of one or several attacks and sources.
        transfers: the `transfers` table of the same.
        families: architecture families by model; none is asked about a victim of its own.

    Returns:
        The `expected` table, in the order of attack, source, victim, example, iteration.

    Raises:
        DataError: a victim that nobody of another family can be asked about, or iteration 0 is missing.
    """
    parts = [pl.DataFrame(schema=polars_schema(EXPECTED))]
    for (attack, source), rows in steps.group_by("attack", "source", maintain_order=True):
        shown = transfers.filter((pl.col("attack") == attack) & (pl.col("source") == source))
        points = _points(f"{attack} on {source}", rows, shown, families or {})
        parts += [_of_victim(points, i) for i, name in enumerate(points.models.names) if name != source]
    return pl.concat(parts)


def _points(what: str, rows: pl.DataFrame, shown: pl.DataFrame, families: Mapping[str, str]) -> Points:
    victims = set(shown["victim"].to_list())
    for victim in victims:
        if not any(families.get(other, other) != families.get(victim, victim) for other in victims):
            raise DataError(
                f"{what}: nobody of another family can be asked about {victim}; it takes two victims at least"
            )
    columns = ["predicted", "misclassification_log_odds", "ca1"]
    clean = pl.concat(
        [
            rows.filter(pl.col("iteration") == 0).select(pl.col("source").alias("model"), *columns),
            shown.filter(pl.col("iteration") == 0).select(pl.col("victim").alias("model"), *columns),
        ]
    )
    if set(clean["model"].to_list()) != {rows["source"][0], *victims}:
        raise DataError(f"{what}: iteration 0 is missing, by which it is told how large log-odds of each model are")
    models = ModelFacts.of(clean, families, values=1)
    both = rows.select("example", "iteration").join(shown, on=["example", "iteration"], how="semi")
    iterations = both["iteration"].unique().to_list()
    rows = rows.join(both, on=["example", "iteration"], how="semi", maintain_order="left")
    if not any(iterations):
        raise DataError(f"{what}: no iteration is in both tables")
    return read_points(models, rows.lazy(), shown.lazy(), None, None, iterations)


def _of_victim(points: Points, victim: int) -> pl.DataFrame:
    everything = np.arange(len(points)), np.full(len(points), victim, dtype=np.int64)

    def told(criterion: TransferCriterion) -> pl.Series:
        return pl.Series(rule(Trials(points, criterion, *everything)), nan_to_null=True)

    return pl.DataFrame(
        {
            "attack": points.attack,
            "source": points.source,
            "example": points.example,
            "iteration": points.iteration,
            "victim": [points.models.names[victim]] * len(points),
            **{f"expected_{criterion}": told(criterion) for criterion in CRITERIA},
        },
        schema=polars_schema(EXPECTED),
    )
