"""Material for the explorer, made on the spot: any number of examples, iterations and victims, and odd values."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
import torch

from presoftmax.explorer import Material, MemoryPictures, Part
from presoftmax.tables import NOT_FINITE, STEPS, TRANSFERS, polars_schema

CLASSES = ("ant", "bee", "cat", "dog", "elk", "fox", "gnu")


def material(
    examples: int = 4,
    steps: int = 5,
    victims: Sequence[str] = ("one", "two"),
    *,
    ids: Sequence[str] | None = None,
    attacks: Sequence[str] = ("attack",),
    classes: Sequence[Any] | None = CLASSES,
    title: str = "made",
    broken: Sequence[tuple[int, int]] = (),
    kept: Sequence[int] | None = None,
    side: int = 8,
) -> Material:
    """Examples whose confidence reaches 1 while their logits grow; ``broken``: example and iteration with a NaN."""
    names = list(ids) if ids is not None else [f"image{n}" for n in range(examples)]
    rows = [_step(attack, n, name, at, steps, (n, at) in broken)
            for attack in attacks for n, name in enumerate(names) for at in range(steps + 1)]  # fmt: skip
    shown = [_answer(row, name, number) for row in rows for number, name in enumerate(victims)]
    images = {
        (attack, name): {at: _image(n, at, side) for at in (range(steps + 1) if kept is None else kept)}
        for attack in attacks for n, name in enumerate(names)
    }  # fmt: skip
    part = Part(_frame(rows, STEPS).lazy(), _frame(shown, TRANSFERS).lazy())
    return Material(title, [part], MemoryPictures(images), classes)


def _frame(rows: list[dict[str, Any]], columns: Any) -> pl.DataFrame:
    schema = polars_schema(columns)
    return pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=schema, strict=False)


def _step(attack: str, n: int, name: str, at: int, steps: int, broken: bool) -> dict[str, Any]:
    part = at / max(steps, 1)
    logits = np.array([3 + n % 7, 2.0 + min(30 + 4 * n, 200) * part, 1.0, 0.5, 0.25, 0.1, 0.0])
    order = np.argsort(-logits, kind="stable")
    z = logits[order]
    total = float(np.log(np.exp(logits - logits.max()).sum()) + logits.max())
    others = [float(np.log(np.exp(np.delete(logits, c) - logits.max()).sum()) + logits.max()) for c in (0, 1, order[0])]
    row = {
        "attack": attack, "source": "source", "example": name, "iteration": at, "label": 0, "targets": [1],
        "predicted": int(order[0]), "confidence": float(np.float32(np.exp(np.float32(z[0] - total)))),
        "log_odds": z[0] - others[2], "margin": z[0] - z[1], "logsumexp": total,
        "misclassification_log_odds": others[0] - logits[0], "group_log_odds": logits[1] - others[1],
        "target_logits": [logits[1]], "saturated": bool(np.float32(np.exp(np.float32(z[0] - total))) == 1),
        "changed": 0.5 if 0 < at < steps or steps == 1 else 0.0, "gradient_vanished": n == 2 and at == 1,
        "l2": 10.0 * at, "linf": at,
        **{f"ca{k + 1}": z[k] for k in range(5)}, **{f"class{k + 1}": int(order[k]) for k in range(1, 5)},
    }  # fmt: skip
    if broken:
        numbers = ("confidence", "log_odds", "margin", "logsumexp", "misclassification_log_odds", "group_log_odds")
        row |= dict.fromkeys((*numbers, *(f"ca{k}" for k in range(1, 6))), float("nan"))
        row |= {"predicted": NOT_FINITE, "saturated": False, "target_logits": [float("nan")]}
    return row


def _answer(row: dict[str, Any], victim: str, number: int) -> dict[str, Any]:
    """The victims are fooled one after the other, the first one as a target."""
    fooled = row["iteration"] >= 2 + number and row["label"] != row["predicted"]
    told = {name: row[name] for name in ("attack", "source", "example", "iteration")}
    found = 1 if fooled and number == 0 else 2 if fooled else 0
    return {**told, "victim": victim, "predicted": found, "misclassified": fooled, "targeted": found == 1,
            "confidence": 0.5, "ca1": 1.0, "log_odds": 0.0}  # fmt: skip


def _image(n: int, at: int, side: int) -> torch.Tensor:
    """Each example in a color of its own, brighter with every iteration."""
    image = torch.full((3, side, side), min(40 + 5 * at, 190), dtype=torch.uint8)
    image[n % 3] += 60
    return image
