"""C5 to C7: the multi-class attack, which looks weak and is not."""

import numpy as np

from presoftmax.analysis.bootstrap import mean_interval, quantiles, resampled_counts
from presoftmax.analysis.claims.claim import Case, Measurement, Scope, claim, judged, not_measurable, percent
from presoftmax.analysis.events import VISIBLE_DROP, Values, has_disguised_pair
from presoftmax.analysis.trajectories import Trajectories

__all__ = ["diminished", "disguised", "pushed_down"]

_ROUNDS = 1000


@claim(
    "C5",
    title="multi-class examples are disguised",
    value="share of examples that have iterations i < j with CA1 higher and confidence lower at j, and end below 1",
    threshold=0.5,
    rule="at least 50 %",
    scope=Scope.SEVERAL_CLASSES,
    unit="percent",
)
def disguised(case: Case) -> Measurement:
    """C5."""
    t = case.t
    ca1, confidence = t.values("ca1"), t.values("confidence")
    pair, below = has_disguised_pair(ca1, confidence), confidence[:, -1] < 1
    both = (pair & below).astype(np.float64)
    # More strictly: after the source was fooled, and by an amount that a reader would see.
    visible = has_disguised_pair(ca1, confidence, drop=VISIBLE_DROP, among=t.fooled)
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
    return judged("C5", case.key, len(t), float(both.mean()), mean_interval(both), sentence, details)


def _over_transfer(t: Trajectories, confidence: Values) -> float | None:
    """Mean confidence over the transfer axis: of the cleaned examples, over all iterations, over victims."""
    means = [
        float(confidence[kept][:, 1:].mean())
        for by_criterion in t.transferred.values()
        if (kept := by_criterion["misclassified"][:, -1]).any()
    ]
    return float(np.mean(means)) if means else None


@claim(
    "C6",
    title="with k classes the confidence can be pushed towards 1/k",
    value="mean final confidence",
    threshold=0.0,
    rule="nearer to 1/k than to 1",
    scope=Scope.SEVERAL_CLASSES,
    below=True,
)
def pushed_down(case: Case) -> Measurement:
    """C6."""
    t = case.t
    final = t.values("confidence")[:, -1]
    floor = 1 / t.classes
    halfway = (1 + floor) / 2
    share = float((final <= halfway).mean())
    sentence = (
        f"With {t.classes} classes the mean final confidence is {final.mean():.2f} (1/k = {floor:.2f}, half-way "
        f"{halfway:.2f}); {percent(share)} of the examples are nearer to 1/k than to 1."
    )
    details = {"one_over_k": floor, "median_final_confidence": float(np.median(final)), "share_below_halfway": share}
    bounds = mean_interval(final)
    return judged(
        "C6",
        case.key,
        len(t),
        float(final.mean()),
        bounds,
        sentence,
        details,
        threshold=halfway,
        subject=f"k = {t.classes}",
    )


@claim(
    "C7",
    title="logits diminish when several classes are optimized",
    value="mean CA1, multi-class / over-optimized, at the last common iteration",
    threshold=1.0,
    rule="below 1",
    scope=Scope.SEVERAL_CLASSES,
    below=True,
    strict=True,
)
def diminished(case: Case) -> Measurement | None:
    """C7, on the examples of both attacks."""
    several, single = case.t, case.single
    if single is None:
        return None
    subject = f"k = {several.classes}"
    common = sorted(set(several.examples) & set(single.examples))
    if not common:
        return not_measurable("C7", case.key, 0, f"no example was attacked by {single.attack} too", subject=subject)
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
    return judged("C7", case.key, len(common), value, bounds, sentence, details, subject=subject)


def _ca1_at(t: Trajectories, examples: list[str], iteration: int) -> Values:
    rows = {name: i for i, name in enumerate(t.examples)}
    column = int(np.searchsorted(t.iterations, iteration))
    values: Values = t.values("ca1")[[rows[name] for name in examples], column]
    return values
