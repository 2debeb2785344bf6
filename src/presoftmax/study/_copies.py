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
    parts = [pl.DataFrame(schema=polars_schema(COPIES))]
    with torch.no_grad(), frozen(*models.values()):
        for iteration, pixels in images.items():
            rows = steps.filter(pl.col("iteration") == iteration)
            goal = _goal(rows, device)
            shown = pixels.to(device)
            for way, copy in WAYS.items():
                changed = copy(shown)
                for name, model in models.items():
                    names = {"attack": rows["attack"][0], "source": rows["source"][0], "model": name, "copy": way}
                    record = against_the_true_class(ask(model, changed).to(device), goal)
                    numbers = [iteration] * rows.height
                    parts.append(rows_of(COPIES, record, rows["example"].to_list(), numbers, names))
    return pl.concat(parts)


def _goal(rows: pl.DataFrame, device: torch.device) -> Goal:
    labels = torch.tensor(rows["label"].to_list(), dtype=torch.int64)
    targets = torch.tensor(rows["targets"].to_list(), dtype=torch.int64).reshape(len(labels), -1)
    return Goal(labels.to(device), targets.to(device), torch.arange(len(labels), device=device))
