"""The control: random noise as long as the attack's perturbation, shown to the same victims."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import torch
from torch import Tensor

from presoftmax.attacks import seed_of
from presoftmax.data import ImageSet
from presoftmax.models import Model, ask, frozen
from presoftmax.tables import NOISE, polars_schema

__all__ = ["noise_table", "with_noise"]

_ROUNDS = 12


def with_noise(image: npt.NDArray[np.uint8], l2: float, key: str) -> npt.NDArray[np.uint8]:
    """An 8-bit image with Gaussian noise of a given L2 norm.

    The noise is drawn once and scaled until, after clipping and rounding, its norm is within 1 % of what is asked, or
    as near as a dozen rounds bring it (a very short one cannot be had on the lattice).

    Args:
        image: uint8, any shape.
        l2: grey levels.
        key: all that the noise depends on besides the shape.
    """
    direction = np.random.default_rng(seed_of(key)).standard_normal(image.shape)
    direction /= np.linalg.norm(direction)
    clean = image.astype(np.float64)
    scale, best, nearest = l2, image, abs(l2)
    for _ in range(_ROUNDS if l2 > 0 else 0):
        noisy = np.clip(np.rint(clean + scale * direction), 0, 255)
        got = float(np.linalg.norm(noisy - clean))
        if abs(got - l2) < nearest:
            best, nearest = noisy.astype(np.uint8), abs(got - l2)
        if nearest <= 0.01 * l2:
            break
        scale *= min(4.0, max(0.25, l2 / got)) if got > 0 else 4.0
    return best


def noise_table(
    examples: ImageSet,
    steps: pl.DataFrame,
    iterations: Sequence[int],
    victims: Sequence[Model],
    victim_names: Sequence[str],
    seed: int,
    batch_size: int,
    device: torch.device,
) -> pl.DataFrame:
    """Rows of the `noise` table for these examples at these iterations.

    Args:
        examples: the clean images.
        steps: their `steps` rows, of one attack and source.
        iterations: at which noise of the norm that the attack had reached is shown.
        victims: who sees it.
        victim_names: how the tables call them.
        seed: of the study.
        batch_size: images shown at a time.
        device: where the victims get them.
    """
    known = {(row["example"], row["iteration"]): row for row in _asked(steps, iterations)}
    rows = []
    # Numpy lets other threads run meanwhile; one alone would keep a GPU waiting.
    with torch.no_grad(), frozen(*victims), ThreadPoolExecutor(torch.get_num_threads()) as threads:
        for iteration in iterations:
            for batch in examples.batches(batch_size):
                asked = [known[name, iteration] for name in batch.ids]
                lengths_asked = [row["l2"] for row in asked]
                keys = [f"{seed}\0{name}\0{iteration}" for name in batch.ids]
                shown = np.stack(list(threads.map(with_noise, batch.images.numpy(), lengths_asked, keys)))
                lengths = np.sqrt(np.square(shown.astype(float) - batch.images.numpy()).sum(axis=(1, 2, 3)))
                images = torch.from_numpy(shown).to(device)
                for victim, name in zip(victims, victim_names, strict=True):
                    predicted = _predicted(ask(victim, images))
                    rows += [
                        _row(row, name, float(length), answer)
                        for row, length, answer in zip(asked, lengths, predicted, strict=True)
                    ]
    return pl.DataFrame(rows, schema=polars_schema(NOISE), orient="row")


def _asked(steps: pl.DataFrame, iterations: Sequence[int]) -> list[dict[str, Any]]:
    columns = ("attack", "source", "example", "iteration", "label", "targets", "l2")
    return steps.filter(pl.col("iteration").is_in(list(iterations))).select(columns).to_dicts()


def _predicted(logits: Tensor) -> list[int | None]:
    finite = logits.isfinite().all(dim=1).tolist()
    return [answer if ok else None for answer, ok in zip(logits.argmax(dim=1).tolist(), finite, strict=True)]


def _row(row: dict[str, Any], victim: str, l2: float, predicted: int | None) -> tuple[object, ...]:
    wrong = predicted is not None and predicted != row["label"]
    targeted = predicted in row["targets"] if row["targets"] else None
    return (row["attack"], row["source"], row["example"], row["iteration"], victim, l2, wrong, targeted)
