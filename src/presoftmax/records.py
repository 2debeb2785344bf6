"""What is written down about an iteration, computed where the logits are and moved to the host in blocks."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl
import torch
from torch import Tensor

from presoftmax import numerics
from presoftmax.attacks.objectives import Goal
from presoftmax.schema import NOT_FINITE, STEPS, TOP, TRANSFERS, Column, polars_schema
from presoftmax.scores import Facts, compute

__all__ = ["Recorder", "perturbation_record", "rows_of", "step_record", "transfer_record"]

Record = dict[str, Tensor]

_SCORES = (
    "margin",
    "group_log_odds",
    "misclassification_log_odds",
    "true_margin",
    "best_group_log_odds",
    "negative_entropy",
    "negative_renyi_entropy",
)


def step_record(logits: Tensor, goal: Goal) -> Record:
    """The columns of `steps` that come from the source's logits ``(N, M)``."""
    top = torch.topk(logits, min(TOP, logits.shape[1]), dim=1)
    finite = logits.isfinite().all(dim=1)
    confidence = numerics.confidence(logits.float())
    z = logits.double()
    facts = Facts(labels=goal.labels, targets=goal.targets)
    record = {
        "predicted": top.indices[:, 0].masked_fill(~finite, NOT_FINITE),
        "confidence": confidence,
        "target_logits": logits.gather(1, goal.targets),
        "logsumexp": numerics.logsumexp(z),
        "log_odds": numerics.log_odds(z, top.indices[:, 0]),
        **{name: compute(name, z, facts) for name in _SCORES},
        "saturated": confidence == 1,
        "logits_mean": z.mean(dim=1),
        "logits_std": z.std(dim=1, correction=0),
        "label": goal.labels,
        "targets": goal.targets,
    }
    for i in range(top.values.shape[1]):
        record[f"ca{i + 1}"] = top.values[:, i]
        if i:
            record[f"class{i + 1}"] = top.indices[:, i]
    return record


def float_record(logits: Tensor, goal: Goal) -> Record:
    """The ``float_`` columns of `steps`, from the source's logits at the image before rounding."""
    full = step_record(logits, goal)
    names = ("predicted", "confidence", "ca1", "log_odds", "target_logits")
    return {f"float_{name}": full[name] for name in names}


def perturbation_record(pixels: Tensor, previous: Tensor, clean: Tensor) -> Record:
    """The columns of `steps` that come from 8-bit images uint8 ``(N, C, H, W)``."""
    size = (pixels.float() - clean.float()).abs()
    # Sums of one row of pixels are exact in float32 (up to 258 pixels wide, for the squares), sums of rows in float64.
    return {
        "changed": (pixels ^ previous).amax(dim=1).count_nonzero(dim=(1, 2)) / pixels[0, 0].numel(),
        "l0": size.count_nonzero(dim=(1, 2, 3)),
        "l1": size.sum(dim=-1).double().sum(dim=(1, 2)),
        "l2": size.square().sum(dim=-1).double().sum(dim=(1, 2)).sqrt(),
        "linf": size.amax(dim=(1, 2, 3)),
    }


def transfer_record(logits: Tensor, goal: Goal) -> Record:
    """The columns of `transfers` that come from a victim's logits ``(N, M)``."""
    ca1, predicted = logits.max(dim=1)
    finite = logits.isfinite().all(dim=1)
    return {
        "predicted": predicted.masked_fill(~finite, NOT_FINITE),
        "confidence": numerics.confidence(logits.float()),
        "ca1": ca1,
        "target_logits": logits.gather(1, goal.targets),
        "label_logit": logits.gather(1, goal.labels[:, None])[:, 0],
        "log_odds": numerics.log_odds(logits, predicted),
        "misclassified": finite & (predicted != goal.labels),
        "targeted": finite & (predicted[:, None] == goal.targets).any(dim=1),
    }


class Recorder:
    """Collects records on the device; `flush` moves them to the host and makes frames of them.

    Args:
        attack: name of the attack.
        source: name of the source.
        victims: names of the victims, in the order of their records.
        ids: the ``N`` example ids of the batch.
    """

    def __init__(self, attack: str, source: str, victims: Sequence[str], ids: Sequence[str]) -> None:
        self._keys = {"attack": attack, "source": source}
        self._victims = tuple(victims)
        self._ids = tuple(ids)
        self._iterations: list[int] = []
        self._steps: list[Record] = []
        self._transfers: list[list[Record]] = []

    def __len__(self) -> int:
        return len(self._iterations)

    def add(self, iteration: int, step: Record, transfers: list[Record]) -> None:
        """Take the records of one iteration: the source's, and one for each victim."""
        self._iterations.append(iteration)
        self._steps.append(step)
        self._transfers.append(transfers)

    def flush(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The `steps` and `transfers` rows of what was added since the last flush."""
        steps = self._frame(STEPS, self._steps, {})
        by_victim = [
            self._frame(TRANSFERS, [records[i] for records in self._transfers], {"victim": name})
            for i, name in enumerate(self._victims)
        ]
        transfers = pl.concat(by_victim) if by_victim else pl.DataFrame(schema=polars_schema(TRANSFERS))
        self._iterations, self._steps, self._transfers = [], [], []
        return steps, transfers

    def _frame(self, columns: Sequence[Column], records: list[Record], names: dict[str, str]) -> pl.DataFrame:
        stacked = {name: torch.stack([record[name] for record in records]).flatten(0, 1) for name in records[0]}
        iterations = np.repeat(self._iterations, len(self._ids))
        return rows_of(columns, stacked, list(self._ids) * len(records), iterations, {**self._keys, **names})


def rows_of(
    columns: Sequence[Column],
    record: Record,
    examples: Sequence[str],
    iterations: Sequence[int] | npt.NDArray[np.int64],
    names: Mapping[str, str],
) -> pl.DataFrame:
    """A record of R rows as a frame of a table; what it lacks is null.

    Args:
        columns: of the table.
        record: values ``(R, ...)`` by column.
        examples: R ids.
        iterations: R numbers.
        names: columns that are the same in all rows.
    """
    rows = len(examples)
    values = {name: pl.Series(each.cpu().numpy()) for name, each in record.items()}
    values["example"] = pl.Series(list(examples), dtype=pl.String)
    values["iteration"] = pl.Series(np.asarray(iterations))
    values |= {name: pl.repeat(text, rows, eager=True) for name, text in names.items()}
    missing = {c.name: pl.repeat(None, rows, dtype=c.dtype, eager=True) for c in columns if c.name not in values}
    frame = pl.DataFrame({**values, **missing})
    return frame.select(pl.col(column.name).cast(column.dtype) for column in columns)
