"""What attackers who know a detector get past it, and what it costs them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import polars as pl
import torch

from presoftmax.analysis import log_spaced
from presoftmax.attacks import Attack, LinfBall, UniformNoise
from presoftmax.data import ImageSet
from presoftmax.defense.evaluation.bench import Bench
from presoftmax.models import Model
from presoftmax.tables import ATTEMPTS, polars_schema
from presoftmax.tracing import prepare, stream

__all__ = ["Attempt", "attempts_frame", "attempts_on"]

_LOOKED_AT = 12
_KEYS = ["example", "iteration"]


@dataclass(frozen=True)
class Attempt:
    """An attack that is to pass.

    Attributes:
        base: name of the attack it was made from.
        attacker: how it was made; ``"unaware"`` for the attack itself.
        attack: what is run.
        judged_by: the detectors that it is to pass; all when empty.
        restarts: how often it is run; from the second time on from a random point of its ball, if it has one.
    """

    base: str
    attacker: str
    attack: Attack
    judged_by: tuple[str, ...] = ()
    restarts: int = 1


def attempts_on(
    bench: Bench, victims: Mapping[str, Model], attempt: Attempt, images: ImageSet, seed: int, chunk: int
) -> Iterator[pl.DataFrame]:
    """Parts of the table `presoftmax.tables.ATTEMPTS`: a row for each image that fools the source, and detector.

    An attacker sees every iterate and may take any: those of about a dozen log-spaced iterations are judged.

    Args:
        bench: the source and its detectors.
        victims: shown the same images, by name.
        attempt: what is run.
        images: attacked.
        seed: for targets.
        chunk: images attacked at a time.
    """
    for restart in range(attempt.restarts):
        attack = _restarted(attempt.attack, restart)
        at = [i for i in log_spaced(attack.steps, _LOOKED_AT) if i > 0]
        for start in range(0, len(images), chunk):
            part = images.select(range(start, min(start + chunk, len(images))))
            job = prepare(attack, bench.model, part, victims=dict(victims), seed=seed, keep=at, batch_size=len(part))
            blocks = list(stream(job))
            kept = {i: image for block in blocks for i, image in block.images.items()}
            steps, transfers = (pl.concat([getattr(b, name) for b in blocks]) for name in ("steps", "transfers"))
            found = _fooling(steps, transfers, at)
            if found.height:
                shown = torch.stack([kept[i][part.ids.index(e)] for e, i in found.select(_KEYS).iter_rows()])
                judged = bench.judge(shown, attempt.judged_by)
                yield _rows(bench, attempt, restart, found, judged)


def attempts_frame(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Parts of the table as one."""
    return pl.concat([pl.DataFrame(schema=polars_schema(ATTEMPTS)), *frames])


def _restarted(attack: Attack, restart: int) -> Attack:
    if restart == 0 or not isinstance(attack.constraint, LinfBall):
        return attack
    return replace(attack, start=UniformNoise(attack.constraint.epsilon), steps=attack.steps + (attack.start is None))


def _fooling(steps: pl.DataFrame, transfers: pl.DataFrame, at: Sequence[int]) -> pl.DataFrame:
    """The images that fool the source, and which victims they fool."""
    fools = (pl.col("predicted") != pl.col("label")) & pl.col("iteration").is_in(list(at))
    found = steps.filter(fools).select(*_KEYS, "misclassification_log_odds", "l2", "linf")
    fooled = transfers.filter("misclassified").group_by(_KEYS).agg(pl.col("victim").sort().alias("fooled"))
    nobody = pl.lit([], dtype=pl.List(pl.String))
    return found.join(fooled, on=_KEYS, how="left").with_columns(pl.col("fooled").fill_null(nobody)).sort(_KEYS)


def _rows(bench: Bench, attempt: Attempt, restart: int, found: pl.DataFrame, judged: pl.DataFrame) -> pl.DataFrame:
    names = {"source": bench.model.name, "attack": attempt.base, "attacker": attempt.attacker}
    numbered = found.with_row_index("row").cast({"row": pl.Int64})
    rows = judged.join(numbered, on="row", how="left").with_columns(
        *(pl.lit(value).alias(name) for name, value in names.items()),
        pl.lit(restart).cast(pl.Int32).alias("restart"),
    )
    return rows.select(list(polars_schema(ATTEMPTS)))
