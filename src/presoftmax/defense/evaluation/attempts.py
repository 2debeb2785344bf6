"""What attackers who know a detector get past it, and what it costs them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import polars as pl
from torch import Tensor

from presoftmax.analysis import log_spaced
from presoftmax.attacks import Attack, Identity, LinfBall, SecondTarget, UniformNoise, draw_targets
from presoftmax.data import ImageSet
from presoftmax.defense.answers import answers_of
from presoftmax.defense.evaluation._batches import batches
from presoftmax.defense.evaluation.bench import Bench
from presoftmax.models import Model
from presoftmax.tables import ATTEMPTS, polars_schema
from presoftmax.tracing import prepare

__all__ = ["Attempt", "attempts_frame", "attempts_on"]

_LOOKED_AT = 12
_BETWEEN_RESTARTS = 1_000_003
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
    targets = _targets(bench, attempt.attack, images, seed)
    for restart in range(attempt.restarts if _can_restart(attempt.attack) else 1):
        attack = _restarted(attempt.attack, restart)
        at = [i for i in log_spaced(attack.steps, _LOOKED_AT) if i > 0]
        job = prepare(
            attack, bench.model, images, victims=dict(victims), targets=targets, keep=at,
            seed=seed + _BETWEEN_RESTARTS * restart, batch_size=min(chunk, len(images)),
        )  # fmt: skip
        for batch in batches(job):
            found = _fooling(batch.steps, batch.transfers, at)
            if found.height:
                judged = bench.judge(batch.images(found), attempt.judged_by)
                yield _rows(bench, attempt, restart, found, judged)


def attempts_frame(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Parts of the table as one."""
    return pl.concat([pl.DataFrame(schema=polars_schema(ATTEMPTS)), *frames])


def _targets(bench: Bench, attack: Attack, images: ImageSet, seed: int) -> Tensor | None:
    """The same for every restart, whose seed is another."""
    if attack.num_targets == 0 or attack.second_target is SecondTarget.RUNNER_UP:
        return None
    classes = answers_of(bench.model, images.select([0]), (Identity(),)).shape[2]
    return draw_targets(images.ids, images.labels, classes, attack.num_targets, seed)


def _can_restart(attack: Attack) -> bool:
    """Whether it begins, or can be made to begin, at a random point; otherwise it would only be run again."""
    return attack.start is not None or isinstance(attack.constraint, LinfBall)


def _restarted(attack: Attack, restart: int) -> Attack:
    if restart == 0 or attack.start is not None or not isinstance(attack.constraint, LinfBall):
        return attack
    return replace(attack, start=UniformNoise(attack.constraint.epsilon), steps=attack.steps + 1)


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
