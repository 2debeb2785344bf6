"""What detectors say of attacks that do not know them, at the moments that matter and along the way."""

from collections.abc import Iterator, Sequence

import polars as pl
import torch
from torch import Tensor

from presoftmax.analysis import log_spaced
from presoftmax.attacks import Attack
from presoftmax.data import ImageSet
from presoftmax.defense.evaluation.bench import Bench
from presoftmax.tables import DETECTIONS, polars_schema
from presoftmax.tracing import prepare, stream

__all__ = ["FIRST_FOOLS", "FIRST_ONE", "ON_THE_WAY", "detections_frame", "detections_of", "given_detections"]

FIRST_FOOLS, FIRST_ONE, ON_THE_WAY, GIVEN = "first fools", "first prints 1.00", "on the way", "given"
_PRINTS_ONE = 0.995
_ALONG = 10
_POINT = ["example", "iteration"]


def detections_of(bench: Bench, attack: Attack, images: ImageSet, seed: int, chunk: int) -> Iterator[pl.DataFrame]:
    """Parts of the table `presoftmax.tables.DETECTIONS`: a row for each point and detector.

    Points are images that fool the source: the first one, the first whose confidence prints as 1.00, and those of about
    ten log-spaced iterations.

    Args:
        bench: the source and its detectors.
        attack: run as it is.
        images: attacked.
        seed: for targets.
        chunk: images attacked at a time; all iterations of so many are held.
    """
    along = set(log_spaced(attack.steps, _ALONG)) - {0}
    for start in range(0, len(images), chunk):
        part = images.select(range(start, min(start + chunk, len(images))))
        job = prepare(attack, bench.model, part, seed=seed, keep="all", batch_size=len(part))
        steps, kept = [], {}
        for block in stream(job):
            steps.append(block.steps)
            kept.update(block.images)
        points = _points(pl.concat(steps), along)
        if points.height:
            yield _judged(bench, points, kept, list(part.ids), attack.name)


def given_detections(bench: Bench, name: str, images: Tensor, labels: Tensor, ids: Sequence[str]) -> pl.DataFrame:
    """The same of finished adversarial images from elsewhere: those of them that fool the source."""
    from presoftmax.attacks import Identity
    from presoftmax.defense.answers import answers_of

    logits = answers_of(bench.model, images, (Identity(),))[0]
    wrong = (logits.argmax(dim=1) != labels).nonzero()[:, 0].tolist()
    points = pl.DataFrame(
        {"example": [ids[i] for i in wrong], "iteration": [0] * len(wrong), "moment": [GIVEN] * len(wrong)},
        schema={"example": pl.String, "iteration": pl.Int32, "moment": pl.String},
    )
    return detections_frame([_judged(bench, points, {0: images}, list(ids), name)] if wrong else [])


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


def _judged(bench: Bench, points: pl.DataFrame, kept: dict[int, Tensor], ids: list[str], attack: str) -> pl.DataFrame:
    images = points.select(_POINT).unique(maintain_order=True).with_row_index("row").cast({"row": pl.Int64})
    shown = torch.stack([kept[i][ids.index(example)] for example, i in images.select(_POINT).iter_rows()])
    judged: pl.DataFrame = points.join(images, on=_POINT, how="left").join(bench.judge(shown), on="row", how="left")
    named = judged.with_columns(pl.lit(bench.model.name).alias("source"), pl.lit(attack).alias("attack"))
    return named.select(list(polars_schema(DETECTIONS)))
