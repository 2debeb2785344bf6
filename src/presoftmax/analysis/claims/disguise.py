"""C5 to C7: the multi-class attack, which looks weak and is not."""

import numpy as np

from presoftmax.analysis.bootstrap import mean_interval, quantiles, resampled_counts
from presoftmax.analysis.claims.claim import Measured, judged, not_measurable, percent
from presoftmax.analysis.trajectories import Flags, Trajectories, Values

__all__ = ["diminished", "disguised", "has_disguised_pair", "pushed_down"]

_ROUNDS = 1000


def disguised(t: Trajectories) -> Measured:
    """C5."""
    ca1, confidence = t.values("ca1"), t.values("confidence")
    pair, below = has_disguised_pair(ca1, confidence), confidence[:, -1] < 1
    both = (pair & below).astype(np.float64)
    # The stricter reading: after the source was fooled, and by an amount that a reader would see.
    fooled = t.steps["hit"]
    visible = has_disguised_pair(ca1, confidence, drop=0.01, among=fooled)
    details = {
        "with_such_a_pair": float(pair.mean()),
        "final_confidence_below_1": float(below.mean()),
        "with_such_a_pair_once_fooled_and_by_0.01": float(visible.mean()),
        "mean_final_confidence": float(confidence[:, -1].mean()),
        "mean_confidence_over_transfer": _over_transfer(t, confidence),
    }
    sentence = (
        f"{percent(both.mean())} once look less sure at a higher CA1 and end below 1 "
        f"({percent(visible.mean())} by 0.01 or more while predicted as a target); "
        f"the mean final confidence is {confidence[:, -1].mean():.2f}."
    )
    place = (t.attack, t.source, None)
    return judged("C5", place, len(t), float(both.mean()), mean_interval(both), sentence, details)


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


def _over_transfer(t: Trajectories, confidence: Values) -> float | None:
    """Mean confidence over the transfer axis: of the cleaned examples, over all iterations, over victims."""
    means = [
        float(confidence[kept][:, 1:].mean())
        for readings in t.transferred.values()
        if (kept := readings["misclassified"][:, -1]).any()
    ]
    return float(np.mean(means)) if means else None


def pushed_down(t: Trajectories) -> Measured:
    """C6."""
    final = t.values("confidence")[:, -1]
    floor = 1 / t.classes
    halfway = (1 + floor) / 2
    share = float((final <= halfway).mean())
    sentence = (
        f"With {t.classes} classes the mean final confidence is {final.mean():.2f} (1/k = {floor:.2f}, half-way "
        f"{halfway:.2f}); {percent(share)} of the examples are nearer to 1/k than to 1."
    )
    details = {"one_over_k": floor, "median_final_confidence": float(np.median(final)), "share_below_halfway": share}
    place = (t.attack, t.source, None)
    bounds = mean_interval(final)
    return judged(
        "C6",
        place,
        len(t),
        float(final.mean()),
        bounds,
        sentence,
        details,
        threshold=halfway,
        subject=f"k = {t.classes}",
    )


def diminished(several: Trajectories, single: Trajectories) -> Measured:
    """C7, on the examples of both attacks."""
    place = (several.attack, several.source, None)
    common = sorted(set(several.examples) & set(single.examples))
    if not common:
        return not_measurable("C7", place, 0, f"no example was attacked by {single.attack} too")
    last = int(min(several.iterations[-1], single.iterations[-1]))
    a, b = (_ca1_at(each, common, last) for each in (several, single))
    weights = resampled_counts(len(common), _ROUNDS)
    value = float(a.mean() / b.mean())
    sentence = (
        f"At iteration {last} the mean CA1 is {a.mean():.1f} with {several.classes} classes and {b.mean():.1f} with "
        f"one, {value:.2f} times."
    )
    details = {"iteration": float(last), "mean_ca1_several": float(a.mean()), "mean_ca1_one": float(b.mean())}
    bounds = quantiles((weights @ a) / (weights @ b))
    return judged("C7", place, len(common), value, bounds, sentence, details, subject=f"k = {several.classes}")


def _ca1_at(t: Trajectories, examples: list[str], iteration: int) -> Values:
    rows = {name: i for i, name in enumerate(t.examples)}
    column = int(np.searchsorted(t.iterations, iteration))
    values: Values = t.values("ca1")[[rows[name] for name in examples], column]
    return values
