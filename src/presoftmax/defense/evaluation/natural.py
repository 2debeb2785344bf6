"""What detectors say of natural images that they were not fitted to, as they are and after something harmless."""

from collections.abc import Mapping, Sequence

import polars as pl

from presoftmax.data import ImageSet
from presoftmax.defense.controls import CONTROLS
from presoftmax.defense.evaluation.bench import Bench
from presoftmax.tables import NATURAL_STATISTICS, polars_schema

__all__ = ["natural_frame", "natural_statistics"]


def natural_statistics(bench: Bench, held_out: ImageSet, others: Mapping[str, ImageSet]) -> pl.DataFrame:
    """The table `presoftmax.tables.NATURAL_STATISTICS`: every control, and sets of natural images of one's own."""
    frames = [_of(bench, name, held_out.ids, change(held_out.images)) for name, change in CONTROLS.items()]
    frames += [_of(bench, name, images.ids, images.images) for name, images in others.items()]
    return natural_frame(frames)


def natural_frame(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Parts of the table as one."""
    return pl.concat([pl.DataFrame(schema=polars_schema(NATURAL_STATISTICS)), *frames])


def _of(bench: Bench, control: str, ids: Sequence[str], images: object) -> pl.DataFrame:
    examples = pl.DataFrame({"row": range(len(ids)), "example": list(ids)}, schema_overrides={"row": pl.Int64})
    judged = bench.judge(images).join(examples, on="row", how="left")
    keys = judged.with_columns(pl.lit(bench.model.name).alias("source"), pl.lit(control).alias("control"))
    return keys.select(list(polars_schema(NATURAL_STATISTICS)))
