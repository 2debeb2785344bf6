"""C1 to C4: the over-optimized attack and what the softmax does not show of it."""

import numpy as np

from presoftmax.analysis.bootstrap import mean_interval, median_interval, quantiles, resampled_counts
from presoftmax.analysis.claims.claim import Case, Measurement, Scope, claim, judged, not_measurable, percent
from presoftmax.analysis.events import HIGH_CONFIDENCE, Values, beyond_natural, first_high

__all__ = ["beyond", "blind", "rising", "saturating"]

_ROUNDS = 400


@claim(
    "C1",
    title="over-optimized examples saturate the softmax",
    value="share of examples whose float32 confidence is exactly 1 at the end",
    threshold=0.5,
    rule="at least 50 %",
    scope=Scope.ONE_CLASS,
    unit="percent",
)
def saturating(case: Case) -> Measurement:
    """C1."""
    t = case.t
    at_end = t.steps["saturated"][:, -1].astype(np.float64)
    ever = t.saturated_at < len(t.iterations)
    first = t.iterations[t.saturated_at[ever]]
    details = {
        "ever_saturated": float(ever.mean()),
        "median_first_saturated_iteration": float(np.median(first)) if len(first) else None,
        "mean_final_confidence": float(t.values("confidence")[:, -1].mean()),
    }
    when = f"; half of those that ever reach it do so by iteration {np.median(first):.0f}" if len(first) else ""
    sentence = f"{percent(at_end.mean())} end with a confidence of exactly 1{when}."
    return judged("C1", case.key, len(t), float(at_end.mean()), mean_interval(at_end), sentence, details)


@claim(
    "C2",
    title="the logit goes on rising after that",
    value="CA1 at the end / CA1 at the first iteration with confidence exactly 1, median over examples",
    threshold=1.1,
    rule="at least 1.1",
    scope=Scope.ONE_CLASS,
)
def rising(case: Case) -> Measurement:
    """C2."""
    t = case.t
    ca1 = t.values("ca1")
    # An example that saturates at the very end has no "after", and a ratio to a logit of 0 or less says nothing.
    usable = t.saturated_at < len(t.iterations) - 1
    first = ca1[usable, t.saturated_at[usable]]
    ratios = ca1[usable, -1][first > 0] / first[first > 0]
    if len(ratios) == 0:
        return not_measurable("C2", case.key, 0, "none has a confidence of exactly 1, with CA1 above 0, before the end")
    value = float(np.median(ratios))
    sentence = f"After the confidence reads exactly 1, CA1 still grows to {value:.2f} times (median of {len(ratios)})."
    details = {"share_that_rises": float((ratios > 1).mean()), "mean_ca1_at_saturation": float(first.mean())}
    return judged("C2", case.key, len(ratios), value, median_interval(ratios), sentence, details)


@claim(
    "C3",
    title="beyond any natural image",
    value="share of examples whose final CA1 exceeds the largest CA1 of any natural image of that model",
    threshold=0.5,
    rule="at least 50 %",
    scope=Scope.SOURCE,
    unit="percent",
)
def beyond(case: Case) -> Measurement:
    """C3."""
    t, natural_images = case.t, case.evidence.natural_images
    largest = case.evidence.largest_natural.get(t.source)
    if largest is None:
        return not_measurable("C3", case.key, len(t), "no natural images of this model are known")
    final = t.values("ca1")[:, -1]
    flags = beyond_natural(final, largest).astype(np.float64)
    details = {"largest_natural_ca1": largest, "mean_final_ca1": float(final.mean()), "natural_images": natural_images}
    sentence = (
        f"{percent(flags.mean())} end beyond {largest:.1f}, the largest CA1 of {natural_images} natural images; "
        f"the mean is {final.mean():.1f}."
    )
    return judged("C3", case.key, len(t), float(flags.mean()), mean_interval(flags), sentence, details)


@claim(
    "C4",
    title="softmax is blind along the transfer axis",
    value="rise of transferability after the mean confidence first reaches 0.99, in points, over the examples kept",
    threshold=10.0,
    rule="at least 10 points, and CA1 rises too",
    scope=Scope.ONE_CLASS_PAIR,
    unit="points",
)
def blind(case: Case) -> Measurement:
    """C4, on the examples that have transferred at the end, as in the paper's figures.

    They reach 100 % by construction, so the value says how much of the way lies behind the point at which the softmax
    goes blind. What all examples do is in the details.
    """
    t = case.t
    everything = case.flags.astype(np.float64)
    kept = everything[:, -1] == 1
    if not kept.any():
        return not_measurable("C4", case.key, 0, "no example has transferred at the end")
    flags, confidence, ca1 = everything[kept], t.values("confidence")[kept], t.values("ca1")[kept]
    mean = confidence.mean(axis=0)
    everyone = np.ones((1, len(flags)))
    at, transferability, rise, ca1_rise = (float(each[0]) for each in _after(everyone, confidence, ca1, flags))
    if np.isnan(rise) or at >= len(mean) - 1:
        why = (
            f"the mean confidence does not reach {HIGH_CONFIDENCE} before the last iteration (highest {mean.max():.3f})"
        )
        return not_measurable("C4", case.key, len(flags), why)
    bounds = quantiles(_after(resampled_counts(len(flags), _ROUNDS), confidence, ca1, flags)[2])
    iteration = int(t.iterations[int(at)])
    of_all = 100 * everything.mean(axis=0)
    details = {
        "iteration": float(iteration),
        "transferability_at_0.99": transferability,
        "ca1_rise": ca1_rise,
        "transferability_at_that_iteration_all_examples": float(of_all[int(at)]),
        "transferability_at_the_end_all_examples": float(of_all[-1]),
        "mean_confidence_at_the_end_all_examples": float(t.values("confidence")[:, -1].mean()),
    }
    sentence = (
        f"The mean confidence reaches {HIGH_CONFIDENCE} at iteration {iteration}, with {transferability:.0f} % "
        f"transferred; after it CA1 changes by {ca1_rise:+.1f} and transfer by {rise:+.0f} points (of all examples, "
        f"from {of_all[int(at)]:.0f} to {of_all[-1]:.0f} %)."
    )
    return judged("C4", case.key, len(flags), round(rise, 9), bounds, sentence, details, also=ca1_rise > 0)


def _after(counts: Values, confidence: Values, ca1: Values, flags: Values) -> tuple[Values, Values, Values, Values]:
    """Per resample: where the mean confidence first is high, the transferability there, what it and CA1 rise after.

    NaN where a resample's confidence never gets there.
    """
    weights = counts / counts.sum(axis=1, keepdims=True)
    first = first_high(weights @ confidence)
    reached = np.where(np.isnan(first), np.nan, 1.0)
    at = np.nan_to_num(first).astype(np.int64)
    rows = np.arange(len(weights))
    transfer, logit = 100 * (weights @ flags), weights @ ca1
    return (
        at.astype(np.float64),
        reached * transfer[rows, at],
        reached * (transfer[:, -1] - transfer[rows, at]),
        reached * (logit[:, -1] - logit[rows, at]),
    )
