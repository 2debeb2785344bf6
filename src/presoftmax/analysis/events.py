"""When something happens to an example: one function each, for the demo, studies, claims and reports alike.

The functions on arrays take N examples over T iterations, ``(N, T)``, and answer with positions among the T.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from presoftmax.analysis.iterations import finite_only, without_probes

__all__ = [
    "HIGH_CONFIDENCE",
    "VISIBLE_DROP",
    "beyond_natural",
    "first_high",
    "first_true",
    "halted_at",
    "has_disguised_pair",
    "last_true",
    "saturated_from",
]

HIGH_CONFIDENCE = 0.99
"""The mean confidence from which the softmax is called blind."""
VISIBLE_DROP = 0.01
"""How far the confidence of a disguised example must fall for a reader to see it."""

Values = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Positions = npt.NDArray[np.int64]

_KEYS = ["attack", "source", "example"]


def first_true(flags: Flags) -> Positions:
    """Position of the first true value of each row, ``(N,)``; T where there is none.

    Of the saturated iterations, it is the one from which the confidence of an example says nothing.
    """
    first: Positions = np.where(flags.any(axis=1), flags.argmax(axis=1), flags.shape[1])
    return first


def last_true(flags: Flags) -> Positions:
    """Position of the last true value of each row, ``(N,)``; 0 where there is none.

    Of the iterations whose step changed a pixel, it is the one at which an example halted, if it is not the last.
    """
    last: Positions = np.where(flags.any(axis=1), flags.shape[1] - 1 - flags[:, ::-1].argmax(axis=1), 0)
    return last


def first_high(confidence: Values) -> Values:
    """First position at which mean confidences ``(..., T)`` reach `HIGH_CONFIDENCE`, ``(...)``; NaN if they never do.

    From there on the softmax is blind: it has nowhere left to go.
    """
    high = confidence >= HIGH_CONFIDENCE
    found: Values = np.where(high.any(axis=-1), high.argmax(axis=-1).astype(np.float64), np.nan)
    return found


def beyond_natural(ca1: Values, largest: float) -> Flags:
    """Whether a CA1 is beyond the largest one of any natural image."""
    beyond: Flags = ca1 > largest
    return beyond


def has_disguised_pair(ca1: Values, confidence: Values, drop: float = 0.0, among: Flags | None = None) -> Flags:
    """Whether an example ``(N, T)`` has iterations i < j with CA1 higher and confidence lower at j.

    Args:
        ca1: ``(N, T)``.
        confidence: ``(N, T)``.
        drop: by how much lower; 0 for any amount.
        among: iterations that count, ``(N, T)``; all when left out.
    """
    counted = np.ones(ca1.shape, dtype=bool) if among is None else among
    found = np.zeros(len(ca1), dtype=bool)
    for lag in _lags(ca1.shape[1]):
        left = ~found
        if not left.any():
            break
        earlier, later = np.s_[left, : ca1.shape[1] - lag], np.s_[left, lag:]
        fell = confidence[later] < confidence[earlier] if drop == 0 else confidence[later] <= confidence[earlier] - drop
        pair = (ca1[later] > ca1[earlier]) & fell & counted[later] & counted[earlier]
        found[left] = pair.any(axis=1)
    return found


def _lags(length: int) -> list[int]:
    """All distances between two iterations, those at which most examples have a pair first."""
    likely = [lag for lag in (1, 2, 5, 10, 20, 50, 100, 200) if lag < length]
    return likely + [lag for lag in range(1, length) if lag not in likely]


def halted_at(steps: pl.DataFrame | pl.LazyFrame) -> pl.DataFrame:
    """The iteration after which no pixel of an example changed any more.

    Args:
        steps: the `steps` table, or that of a recording.

    Returns:
        One row per ``attack, source, example``, with ``halted_at``: null where pixels still changed in the last step.
    """
    parts = []
    for keys, iterations, (changed,) in _by_length(steps.lazy(), ["changed"]):
        at = last_true(changed > 0)
        moved = np.take_along_axis(iterations, at[:, None], axis=1)[:, 0]
        halts = pl.Series("halted_at", moved, dtype=pl.Int32)
        goes_on = pl.Series(at == iterations.shape[1] - 1)
        parts.append(keys.with_columns(pl.when(goes_on).then(None).otherwise(halts).alias("halted_at")))
    return _together(parts, "halted_at")


def saturated_from(steps: pl.DataFrame | pl.LazyFrame) -> pl.DataFrame:
    """From when on the confidence of an example says nothing: the first iteration at which it is exactly 1 in float32.

    Args:
        steps: the `steps` table, or that of a recording.

    Returns:
        One row per ``attack, source, example``, with ``saturated_from``: null where it never was.
    """
    parts = []
    for keys, iterations, (saturated,) in _by_length(finite_only(steps), ["saturated"]):
        at = first_true(saturated.astype(bool))
        never = at == iterations.shape[1]
        first = np.take_along_axis(iterations, np.where(never, 0, at)[:, None], axis=1)[:, 0]
        firsts = pl.Series("saturated_from", first, dtype=pl.Int32)
        parts.append(keys.with_columns(pl.when(pl.Series(never)).then(None).otherwise(firsts).alias("saturated_from")))
    return _together(parts, "saturated_from")


def _by_length(
    steps: pl.LazyFrame, columns: Sequence[str]
) -> Iterator[tuple[pl.DataFrame, npt.NDArray[np.int64], list[npt.NDArray[Any]]]]:
    """The examples of frames as arrays: those with as many iterations as each other together.

    Gives their keys, their iterations ``(N, T)`` and the columns, each ``(N, T)``. (Recorded attacks look at some
    examples more often than at others.)
    """
    rows = without_probes(steps).select(*_KEYS, "iteration", *columns).sort(*_KEYS, "iteration").collect()
    counted = rows.with_columns(pl.len().over(_KEYS).alias("_length"))
    for _, part in counted.group_by("_length", maintain_order=True):
        length = int(part["_length"][0])
        arrays = [part[name].to_numpy().reshape(-1, length) for name in ("iteration", *columns)]
        yield part[::length].select(_KEYS), arrays[0].astype(np.int64), arrays[1:]


def _together(parts: Sequence[pl.DataFrame], name: str) -> pl.DataFrame:
    if not parts:
        return pl.DataFrame(schema={**dict.fromkeys(_KEYS, pl.String), name: pl.Int32})
    return pl.concat(parts).sort(_KEYS)
