"""What transfer may be told from: the rule, and everything that it must beat."""

from collections.abc import Callable

import numpy as np

from presoftmax.analysis.events import Values
from presoftmax.analysis.prediction.calibration import probability
from presoftmax.analysis.prediction.points import OWN
from presoftmax.analysis.prediction.trials import Trials
from presoftmax.scores import expected_transfer, signed_log

__all__ = ["HET", "HET_TARGETS", "METHODS", "RULE", "RULE_CLEAN", "Method"]

Method = Callable[[Trials], Values]
"""A number for each trial, ``(T,)``; larger: transfers more."""

RULE = "rule"
RULE_CLEAN = "rule, with the victim's clean margin"
_CLEAN_WEIGHT = 0.5


def rule(trials: Trials) -> Values:
    """The fixed rule; see `presoftmax.scores.expected_transfer`."""
    return expected_transfer(_surrogate_odds(trials), copies(trials))


def rule_with_clean_victim(trials: Trials) -> Values:
    """The rule and half of the victim's own log-odds of the clean image: one benign query, and nothing is fitted."""
    return rule(trials) + _CLEAN_WEIGHT * signed_log(clean_victim(trials))


def surrogates_alone(trials: Trials) -> Values:
    """The rule without the source's copies."""
    return expected_transfer(_surrogate_odds(trials))


def copies(trials: Trials) -> Values:
    """The source's own log-odds averaged over copies of the image."""
    return trials.points.scaled_copies(trials.criterion)[trials.row]


def share_fooled(trials: Trials) -> Values:
    """Share of the surrogates that are fooled."""
    return _mean(trials.of_surrogates(trials.points.fooled[trials.criterion]))


def het(trials: Trials) -> Values:
    """Mean of ``1 - p_y`` over the surrogates (HET; Levy et al. 2022, arXiv:2208.10878)."""
    return _mean(trials.of_surrogates(probability(trials.points.odds["misclassified"])))


def het_targets(trials: Trials) -> Values:
    """Likewise, the probability of the targets: HET made for a targeted transfer."""
    return _mean(trials.of_surrogates(probability(trials.points.odds[trials.criterion])))


def noise(trials: Trials) -> Values:
    """Share of the surrogates that noise of the same L2 norm makes wrong."""
    return _mean(trials.of_surrogates(trials.points.noise))


def clean_source(trials: Trials) -> Values:
    """The source's misclassification log-odds of the clean image: how near the image is to being wrong."""
    values: Values = trials.points.scaled_clean[trials.row, trials.source]
    return values


def clean_surrogates(trials: Trials) -> Values:
    """Likewise of the surrogates, averaged."""
    return _mean(trials.of_surrogates(trials.points.scaled_clean))


def clean_victim(trials: Trials) -> Values:
    """Likewise of the victim itself: one benign query."""
    values: Values = trials.points.scaled_clean[trials.row, trials.victim]
    return values


def _own(name: str) -> Method:
    def method(trials: Trials) -> Values:
        return trials.points.own[name][trials.row]

    method.__doc__ = f"`{name}` of the example on its source."
    return method


HET_TARGETS = "HET: mean p(targets)"
HET: dict[str, Method] = {
    "HET: share of surrogates fooled": share_fooled,
    "HET: mean 1 - p(true class)": het,
    HET_TARGETS: het_targets,
}

METHODS: dict[str, Method] = {
    **{name: _own(name) for name in ("iteration", *OWN)},
    "own log-odds over copies": copies,
    "same-norm noise on surrogates": noise,
    "clean margin of source": clean_source,
    "clean margin of surrogates": clean_surrogates,
    "clean margin of victim": clean_victim,
    **HET,
    "surrogates alone": surrogates_alone,
    RULE: rule,
    RULE_CLEAN: rule_with_clean_victim,
}
"""Every method that fits nothing, by name."""


def _surrogate_odds(trials: Trials) -> Values:
    return trials.of_surrogates(trials.points.scaled(trials.criterion))


def _mean(values: Values) -> Values:
    """Mean over what is known; NaN where nothing is."""
    known = np.isfinite(values)
    count = known.sum(axis=1)
    total = np.where(known, values, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
