"""What detectors say of attacks that do not know them, at the moments that matter and along the way."""

from collections.abc import Callable, Iterator, Sequence

import polars as pl
from torch import Tensor

from presoftmax.attacks import Attack, Identity
from presoftmax.data import ImageSet
from presoftmax.defense.answers import answers_of
from presoftmax.defense.evaluation._batches import batches
from presoftmax.defense.evaluation.bench import Bench
from presoftmax.tables import DETECTIONS, polars_schema
from presoftmax.tracing import prepare

__all__ = ["FIRST_FOOLS", "FIRST_ONE", "ON_THE_WAY", "detections_frame", "detections_of", "given_detections"]

FIRST_FOOLS, FIRST_ONE, ON_THE_WAY, GIVEN = "first fools", "first prints 1.00", "on the way", "given"
_PRINTS_ONE = 0.995
_POINT = ["example", "iteration"]


def detections_of(bench: Bench, attack: Attack, images: ImageSet, seed: int, chunk: int) -> Iterator[pl.DataFrame]:
    """Parts of the table `presoftmax.tables.DETECTIONS`: a row for each point and detector.

    Points are images that fool the source: the first one, the first whose confidence prints as 1.00, and those of
    iterations 1, 2, 4, 8, ... and the last.

    Args:
        bench: the source and its detectors.
        attack: run as it is.
        images: attacked.
        seed: for targets.
        chunk: images attacked at a time; all iterations of so many are held.
    """
    job = prepare(attack, bench.model, images, seed=seed, keep="all", batch_size=min(chunk, len(images)))
    for batch in batches(job):
        points = _points(batch.steps, _along(attack.steps))
        if points.height:
            yield _judged(bench, points, batch.images, attack.name)


def given_detections(bench: Bench, name: str, images: Tensor, labels: Tensor, ids: Sequence[str]) -> pl.DataFrame:
    """The same of finished adversarial images from elsewhere: those of them that fool the source."""
    logits = answers_of(bench.model, images, (Identity(),))[0]
    wrong = (logits.argmax(dim=1) != labels).nonzero()[:, 0].tolist()
    points = pl.DataFrame(
        {"example": [ids[i] for i in wrong], "iteration": [0] * len(wrong), "moment": [GIVEN] * len(wrong)},
        schema={"example": pl.String, "iteration": pl.Int32, "moment": pl.String},
    )
    position = {example: i for i, example in enumerate(ids)}
    images_of = lambda rows: images[[position[example] for example in rows["example"]]]  # noqa: E731
    return detections_frame([_judged(bench, points, images_of, name)] if wrong else [])


def detections_frame(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Parts of the table as one."""
    return pl.concat([pl.DataFrame(schema=polars_schema(DETECTIONS)), *frames])


def _points(steps: pl.DataFrame, along: set[int]) -> pl.DataFrame:
    """The points of a part, ``example, iteration, moment``; of one image there may be several moments."""
    fooled = steps.filter((pl.col("predicted") != pl.col("label")) & (pl.col("iteration") > 0)).sort(*_POINT)
    ones = fooled.filter(pl.col("confidence") >= _PRINTS_ONE)
    found = [
        fooled.group_by("example", maintain_order=True).agg(pl.col("iteration").first()),
        ones.group_by("example", maintain_order=True).agg(pl.col("iteration").first()),
        fooled.filter(pl.col("iteration").is_in(list(along))).select(_POINT),
    ]
    moments = (FIRST_FOOLS, FIRST_ONE, ON_THE_WAY)
    return pl.concat([f.with_columns(pl.lit(m).alias("moment")) for f, m in zip(found, moments, strict=True)])


def _along(steps: int) -> set[int]:
    """1, 2, 4, 8, ... and the last."""
    return {2**i for i in range(steps.bit_length())} | {steps}


def _judged(
    bench: Bench, points: pl.DataFrame, images_of: Callable[[pl.DataFrame], Tensor], attack: str
) -> pl.DataFrame:
    images = points.select(_POINT).unique(maintain_order=True).with_row_index("row").cast({"row": pl.Int64})
    judged: pl.DataFrame = points.join(images, on=_POINT, how="left").join(
        bench.judge(images_of(images)), on="row", how="left"
    )
    named = judged.with_columns(pl.lit(bench.model.name).alias("source"), pl.lit(attack).alias("attack"))
    return named.select(list(polars_schema(DETECTIONS)))
