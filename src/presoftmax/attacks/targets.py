"""Target classes that depend on nothing but the seed and the example's id."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from presoftmax.attacks.randomness import seed_of
from presoftmax.errors import AttackError
from presoftmax.lazy import deferred

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = deferred("torch")

__all__ = ["check_count", "check_targets", "draw_targets", "runner_up"]


def draw_targets(ids: Sequence[str], labels: Tensor, num_classes: int, count: int, seed: int = 0) -> Tensor:
    """Draw distinct target classes, uniform over all classes but the true one.

    Draw ``j`` of an example is a hash of (seed, id, j), so an image has the same targets in any batch, order, shard and
    machine, and the first of several is the one that a single-target attack gets.

    Args:
        ids: ``N`` example ids.
        labels: int64 ``(N,)`` true classes.
        num_classes: M.
        count: targets per example, k.
        seed: of the study.

    Returns:
        int64 ``(N, k)``.

    Raises:
        AttackError: k is not between 0 and M - 1.
    """
    check_count(count, num_classes)
    rows = [_draw(name, int(label), num_classes, count, seed) for name, label in zip(ids, labels, strict=True)]
    return torch.tensor(rows, dtype=torch.int64).reshape(len(rows), count)


def check_count(count: int, num_classes: int) -> None:
    """Raise `AttackError` unless so many targets besides the true class can be had."""
    if not 0 <= count < num_classes:
        raise AttackError(f"cannot draw {count} targets besides the true class from {num_classes} classes")


def _draw(name: str, label: int, num_classes: int, count: int, seed: int) -> list[int]:
    chosen: list[int] = []
    draw = 0
    while len(chosen) < count:
        # 64 bits modulo M favors no class by more than one part in 2^64 / M.
        candidate = seed_of(seed, name, draw) % num_classes
        if candidate != label and candidate not in chosen:
            chosen.append(candidate)
        draw += 1
    return chosen


def runner_up(clean_logits: Tensor, labels: Tensor, first: Tensor) -> Tensor:
    """The source's best class on the clean image other than the true one and the first target.

    Args:
        clean_logits: ``(N, M)`` of the untouched images.
        labels: int64 ``(N,)``.
        first: int64 ``(N,)``, first targets.

    Returns:
        int64 ``(N, 2)``: the first targets and, beside them, the runners-up.
    """
    taken = torch.stack([labels, first], dim=1)
    best = clean_logits.scatter(1, taken, -torch.inf).argmax(dim=1)
    return torch.stack([first, best], dim=1)


def check_targets(targets: Any, ids: Sequence[str], labels: Tensor, num_classes: int, count: int) -> Tensor:
    """Given targets as int64 ``(N, k)``: one class or k classes for all, or a row for each example.

    Raises:
        AttackError: a wrong shape, a class out of range, a repeated one, or the true class (the example is named).
    """
    given = torch.as_tensor(targets).cpu()
    if given.is_floating_point():
        raise AttackError("targets must be integers")
    given = given.to(torch.int64)
    if given.ndim == 1 and len(given) == len(ids) and count == 1:
        given = given[:, None]
    rows = given.reshape(1, -1).expand(len(ids), -1) if given.ndim < 2 else given
    if rows.shape != (len(ids), count):
        raise AttackError(f"targets {tuple(given.shape)} do not give {count} classes for each of {len(ids)} examples")
    for name, label, row in zip(ids, labels.tolist(), rows.tolist(), strict=True):
        if min(row) < 0 or max(row) >= num_classes:
            raise AttackError(f"target {row} of {name!r} is out of range: classes are 0 to {num_classes - 1}")
        if len(set(row)) < count:
            raise AttackError(f"targets {row} of {name!r} repeat a class")
        if label in row:
            raise AttackError(f"target {label} of {name!r} is its true class")
    return rows.contiguous()
