"""Judged examples as the tables of an attack of one step: the clean image, and the adversarial one."""

from collections.abc import Mapping, Sequence

import polars as pl

from presoftmax.explorer.material import Material, Part, Pictures
from presoftmax.tables import STEPS, TRANSFERS, Column, polars_schema

__all__ = ["JUDGED", "judged_material"]

JUDGED = "as given"
"""What stands for the attack of examples that somebody has made."""


def judged_material(
    source: str,
    tables: Mapping[str, pl.DataFrame],
    pictures: Pictures,
    classes: Sequence[str] | None,
    notes: Sequence[str] = (),
) -> Material:
    """What there is to look at in judged examples.

    Args:
        source: name of the model that they were made on.
        tables: ``strength``, ``transfers`` and ``natural``.
        pictures: clean images as iteration 0, adversarial ones as iteration 1 of the attack `JUDGED`.
        classes: names of the classes, where they are known.
        notes: what a careful reader would want to know.
    """
    part = _part(source, tables["strength"], tables["transfers"], tables["natural"])
    return Material(
        f"Adversarial examples made on {source}", [part], pictures, classes, tables["natural"],
        steps_are_iterations=False, notes=tuple(notes),
    )  # fmt: skip


def _part(source: str, strength: pl.DataFrame, transfers: pl.DataFrame, natural: pl.DataFrame) -> Part:
    """The rows of iteration 0 (clean) and 1 (adversarial) of judged examples."""
    keys = [pl.lit(JUDGED).alias("attack"), pl.lit(source).alias("source")]
    own = natural.filter(pl.col("model") == source, pl.col("example").is_in(strength["example"].implode()))
    before = own.unique("example", maintain_order=True).with_columns(*keys, pl.lit(0).alias("iteration"))
    after = strength.with_columns(*keys, pl.lit(1).alias("iteration"))
    steps = pl.concat([_as(STEPS, before), _as(STEPS, after)])
    steps = steps.with_columns(
        (pl.col("confidence") == 1).alias("saturated"), pl.lit([], pl.List(pl.Int32)).alias("targets")
    )
    victims = transfers["victim"].unique(maintain_order=True)
    clean = natural.filter(pl.col("model").is_in(victims.implode())).rename({"model": "victim"})
    shown = clean.with_columns(
        *keys, pl.lit(0).alias("iteration"), (pl.col("predicted") != pl.col("label")).alias("misclassified")
    )
    given = transfers.with_columns(*keys, pl.lit(1).alias("iteration"))
    both = pl.concat([_as(TRANSFERS, shown), _as(TRANSFERS, given)])
    return Part(steps.lazy(), both.lazy())


def _as(columns: tuple[Column, ...], frame: pl.DataFrame) -> pl.DataFrame:
    """A frame with the columns of a table; null where it has them not."""
    schema = polars_schema(columns)
    there = [pl.col(name) if name in frame.columns else pl.lit(None).alias(name) for name in schema]
    return frame.select(there).cast(dict(schema))  # type: ignore[arg-type]
