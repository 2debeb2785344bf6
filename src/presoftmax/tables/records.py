"""What is written down about an iteration, computed where the logits are and moved to the host in blocks."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl
import torch
from torch import Tensor

from presoftmax import numerics
from presoftmax.attacks import Goal
from presoftmax.scores import RECORDED, Facts, Score
from presoftmax.tables.schema import NOT_FINITE, STEPS, TOP, TRANSFERS, Column, polars_schema, with_scores

__all__ = ["Recorder", "against_the_true_class", "perturbation_record", "rows_of", "step_record", "transfer_record"]

Record = dict[str, Tensor]

_MOST_ITERATIONS = 64
_MOST_VALUES = 2**22


def step_record(logits: Tensor, goal: Goal, scores: Iterable[Score] = ()) -> Record:
    """The columns of `steps` that come from the source's logits ``(N, M)``, with those of a user's own scores."""
    top = torch.topk(logits, min(TOP, logits.shape[1]), dim=1)
    finite = logits.isfinite().all(dim=1)
    z = logits.double()
    facts = Facts(labels=goal.labels, targets=goal.targets if goal.targets.shape[1] else None)
    told = {score.name: score(z, facts) for score in (*RECORDED, *scores) if score.can_be_told(facts)}
    record = {
        "predicted": top.indices[:, 0].masked_fill(~finite, NOT_FINITE),
        **told,
        "target_logits": logits.gather(1, goal.targets),
        "saturated": told["confidence"] == 1,
        "logits_mean": z.mean(dim=1),
        "logits_std": z.std(dim=1, correction=0),
        "label": goal.labels,
        "targets": goal.targets,
    }
    for i in range(1, top.values.shape[1]):
        record[f"ca{i + 1}"] = top.values[:, i]
        record[f"class{i + 1}"] = top.indices[:, i]
    return record


def float_record(logits: Tensor, goal: Goal) -> Record:
    """The ``float_`` columns of `steps`, from the source's logits at the image before rounding."""
    full = step_record(logits, goal)
    names = ("predicted", "confidence", "ca1", "log_odds", "target_logits")
    return {f"float_{name}": full[name] for name in names}


def perturbation_record(pixels: Tensor, previous: Tensor, clean: Tensor) -> Record:
    """The columns of `steps` that come from 8-bit images uint8 ``(N, C, H, W)``."""
    size = torch.maximum(pixels, clean) - torch.minimum(pixels, clean)
    floats = size.float()
    return {
        "changed": _moved(pixels ^ previous).float() / pixels[0, 0].numel(),
        "l0": _total(size.clamp_max(1).float()),
        "l1": _total(floats),
        "l2": _total(floats.square_()).sqrt(),
        "linf": size.amax(dim=(1, 2, 3)),
    }


def _total(values: Tensor) -> Tensor:
    """Sums ``(N,)`` of whole numbers ``(N, C, H, W)``.

    Sums of one row of pixels are exact in float32 (up to 258 pixels wide, for squares of grey levels), sums of rows in
    float64.
    """
    return values.sum(dim=-1).double().sum(dim=(1, 2))


def _moved(values: Tensor) -> Tensor:
    """Pixels ``(N,)`` of ``(N, C, H, W)`` in which any channel is not zero; far faster than ``count_nonzero``."""
    return values.amax(dim=1).clamp_max(1).float().sum(dim=-1).double().sum(dim=-1)


def transfer_record(logits: Tensor, goal: Goal) -> Record:
    """The columns of `transfers` that come from a victim's logits ``(N, M)``."""
    ca1, predicted = logits.max(dim=1)
    finite = logits.isfinite().all(dim=1)
    record = {
        "predicted": predicted.masked_fill(~finite, NOT_FINITE),
        "confidence": numerics.confidence(logits.float()),
        "ca1": ca1,
        "target_logits": logits.gather(1, goal.targets),
        "label_logit": logits.gather(1, goal.labels[:, None])[:, 0],
        "log_odds": numerics.log_odds(logits, predicted),
        **against_the_true_class(logits, goal),
        "misclassified": finite & (predicted != goal.labels),
    }
    if goal.targets.shape[1]:
        record["targeted"] = finite & (predicted[:, None] == goal.targets).any(dim=1)
    return record


def against_the_true_class(logits: Tensor, goal: Goal) -> Record:
    """How far logits ``(N, M)`` are on the side of the wrong classes, and of the targets where there are any."""
    z = logits.double()
    record = {"misclassification_log_odds": numerics.misclassification_log_odds(z, goal.labels)}
    if goal.targets.shape[1]:
        record["group_log_odds"] = numerics.group_log_odds(z, goal.targets)
    return record


class _Columns:
    """Values of consecutive iterations, in memory that is taken once.

    Small tensors that outlive an iteration would break up the memory that a network's layers take and free.
    """

    def __init__(self) -> None:
        self._values: Record = {}

    def put(self, row: int, rows: int, values: Mapping[str, Tensor]) -> None:
        """Copy the values of an iteration to its row of so many; each has the same shape in all of them."""
        for name, value in values.items():
            if name not in self._values:
                self._values[name] = value.new_empty((rows, *value.shape))
            self._values[name][row] = value

    def take(self, rows: int) -> Record:
        """Copies of the first rows, those of the examples one after the other."""
        return {name: values[:rows].flatten(0, 1).clone() for name, values in self._values.items()}


class Recorder:
    """Collects on the device what iterations gave; `flush` computes their records together and makes frames of them.

    Dozens of scores of a few rows cost more to start than to compute, so nothing is computed before there is a block of
    iterations.

    Args:
        attack: name of the attack.
        source: name of the source.
        victims: names of the victims, in the order of their logits.
        ids: the ``N`` example ids of the batch.
        scores: a user's own, besides those of the registry.
    """

    def __init__(
        self, attack: str, source: str, victims: Sequence[str], ids: Sequence[str], scores: Sequence[Score] = ()
    ) -> None:
        self._keys = {"attack": attack, "source": source}
        self._victims = tuple(victims)
        self._ids = tuple(ids)
        self._scores = tuple(scores)
        self._iterations: list[int] = []
        self._most = _MOST_ITERATIONS
        self._perturbations, self._logits, self._victim_logits = _Columns(), _Columns(), _Columns()

    @property
    def is_full(self) -> bool:
        """Whether what is kept should be flushed, before it takes too much memory."""
        return len(self._iterations) >= self._most

    def add(
        self,
        iteration: int,
        perturbation: Record,
        logits: Tensor,
        victim_logits: Sequence[Tensor],
        float_logits: Tensor | None = None,
    ) -> None:
        """Take an iteration.

        Args:
            iteration: its number.
            perturbation: columns that come from the images.
            logits: the source's, ``(N, M)``, of the recorded images.
            victim_logits: each victim's, likewise.
            float_logits: the source's of the images before rounding, where it saw those.
        """
        if not self._iterations:
            self._most = max(1, min(_MOST_ITERATIONS, _MOST_VALUES // (logits.numel() * (1 + len(victim_logits)))))
        position = (len(self._iterations), self._most)
        self._perturbations.put(*position, perturbation)
        self._logits.put(*position, {"image": logits} | ({} if float_logits is None else {"float": float_logits}))
        self._victim_logits.put(*position, dict(zip(self._victims, victim_logits, strict=True)))
        self._iterations.append(iteration)

    def flush(self, goal: Goal) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The `steps` and `transfers` rows of what was added since the last flush."""
        iterations, self._iterations = self._iterations, []
        rows = len(iterations)
        repeated = Goal(goal.labels.repeat(rows), goal.targets.repeat(rows, 1), goal.examples.repeat(rows))
        steps, logits = self._perturbations.take(rows), self._logits.take(rows)
        steps |= float_record(logits["float"], repeated) if "float" in logits else {}
        steps |= step_record(logits["image"], repeated, self._scores)
        by_victim = [
            self._frame(TRANSFERS, transfer_record(shown, repeated), iterations, {"victim": name})
            for name, shown in self._victim_logits.take(rows).items()
        ]
        transfers = pl.concat(by_victim) if by_victim else pl.DataFrame(schema=polars_schema(TRANSFERS))
        return self._frame(with_scores(STEPS, self._scores), steps, iterations, {}), transfers

    def _frame(
        self, columns: Sequence[Column], record: Record, iterations: Sequence[int], names: Mapping[str, str]
    ) -> pl.DataFrame:
        numbers = np.repeat(iterations, len(self._ids))
        return rows_of(columns, record, list(self._ids) * len(iterations), numbers, {**self._keys, **names})


def rows_of(
    columns: Sequence[Column],
    record: Record,
    examples: Sequence[str],
    iterations: Sequence[int] | npt.NDArray[np.int64] | None,
    names: Mapping[str, str],
) -> pl.DataFrame:
    """A record of R rows as a frame of a table; what it lacks is null.

    Args:
        columns: of the table.
        record: values ``(R, ...)`` by column.
        examples: R ids.
        iterations: R numbers; None where there are none.
        names: columns that are the same in all rows.
    """
    values = {name: pl.Series(each.cpu().numpy()) for name, each in record.items()}
    values["example"] = pl.Series(list(examples), dtype=pl.String)
    if iterations is not None:
        values["iteration"] = pl.Series(np.asarray(iterations))
    return pl.DataFrame(values).select(
        pl.col(c.name).cast(c.dtype) if c.name in values else pl.lit(names.get(c.name), c.dtype).alias(c.name)
        for c in columns
    )
