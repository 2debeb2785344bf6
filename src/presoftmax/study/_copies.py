"""What the models say to changed copies of the images of an iteration."""

from collections.abc import Mapping

import polars as pl
import torch
from torch import Tensor

from presoftmax.attacks import Goal
from presoftmax.models import Model, ask, frozen
from presoftmax.strength import COPIES as WAYS
from presoftmax.tables import COPIES, against_the_true_class, polars_schema, rows_of

__all__ = ["copies_table"]


def copies_table(
    steps: pl.DataFrame, images: Mapping[int, Tensor], models: Mapping[str, Model], device: torch.device
) -> pl.DataFrame:
    """Rows of the `copies` table.

    Args:
        steps: `steps` rows of a batch of examples, of one attack and source.
        images: per iteration shown, uint8 ``(N, 3, H, W)``, in the order of their rows.
        models: who sees the copies, by name.
        device: where the models get them.
    """
    shown = {iteration: pixels for iteration, pixels in images.items() if len(pixels)}
    if not shown:
        return pl.DataFrame(schema=polars_schema(COPIES))
    logits: dict[str, list[Tensor]] = {name: [] for name in models}
    with torch.no_grad(), frozen(*models.values()):
        for pixels in shown.values():
            seen = pixels.to(device)
            for copy in WAYS.values():
                changed = copy(seen)
                for name, model in models.items():
                    logits[name].append(ask(model, changed).to(device))
    rows = pl.concat([steps.filter(pl.col("iteration") == iteration) for iteration in shown for _ in WAYS])
    ways = [way for pixels in shown.values() for way in WAYS for _ in range(len(pixels))]
    goal = _goal(rows, device)
    return pl.concat(_rows(name, torch.cat(each), goal, rows, ways) for name, each in logits.items())


def _rows(name: str, logits: Tensor, goal: Goal, steps: pl.DataFrame, ways: list[str]) -> pl.DataFrame:
    """Rows of one model, in the order of its logits: a frame for each copy would cost more than all else."""
    names = {"attack": steps["attack"][0], "source": steps["source"][0], "model": name}
    numbers = steps["iteration"].to_numpy()
    rows = rows_of(COPIES, against_the_true_class(logits, goal), steps["example"].to_list(), numbers, names)
    return rows.with_columns(pl.Series("copy", ways))


def _goal(rows: pl.DataFrame, device: torch.device) -> Goal:
    labels = torch.tensor(rows["label"].to_list(), dtype=torch.int64)
    targets = torch.tensor(rows["targets"].to_list(), dtype=torch.int64).reshape(len(labels), -1)
    return Goal(labels.to(device), targets.to(device), torch.arange(len(labels), device=device))
