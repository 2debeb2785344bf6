"""What an evaluation of a defense found, in sentences, and the means that they are made of."""

from collections.abc import Mapping, Sequence
from typing import Any

from presoftmax.text import listed, printable

__all__ = ["defense_sentences", "pooled_prices", "unfit_detectors"]

_FIRST_FOOLS, _FIRST_ONE = "first fools", "first prints 1.00"
_UNAWARE = "unaware"
_ANYONE, _DEFAULT = "any of them", "fisher"
_AIMING = ("penalized", "selective", "orthogonal", "selective-eot")
_PASSING = 0.05
_FPRS = (0.01, 0.05)
_FEWEST = 20
"""Attacked images below which nothing is said of a cost."""
_NOTHING = 0.05
"""Points of transfer up to which a cost is called next to nothing."""


def defense_sentences(summary: Mapping[str, Any]) -> tuple[str, ...]:
    """What was found, the worst first, in plain sentences made from the numbers."""
    anyone = {each["detector"]: each for each in pooled_prices(summary["prices"]) if each["attacker"] == _ANYONE}
    aimed = [name for name in anyone if _aimed_at(summary, name)] or list(anyone)
    first = _DEFAULT if _DEFAULT in aimed else next(iter(aimed), None)
    said = [] if first is None else [_price_sentence(anyone[first])]
    others = [anyone[name] for name in aimed if name != first]
    return tuple(
        text
        for text in (
            *said,
            _others_sentence(others),
            *_found_sentences(summary),
            _unfit_sentence(summary),
            _rates(summary),
        )
        if text
    )


def _aimed_at(summary: Mapping[str, Any], detector: str) -> bool:
    """Whether some attacker was made for this very detector."""
    return any(each["detector"] == detector and each["attacker"] in _AIMING for each in summary["prices"])


def _price_sentence(row: Mapping[str, Any]) -> str:
    """What passing a detector costs whoever may choose among all attackers, the mean over sources and attacks."""
    name, passed, plain = printable(row["detector"]), _percent(row["passed"]), _percent(row["undefended"])
    if row["passed"] == 0:
        return f"No attacker that was tried passes {name} with any image, of {plain} that fool without a detector."
    passes = f"{passed} of the images pass at 5 % false positives, {plain} fool where there is no detector"
    if row["cost"] is None or row["cost_low"] is None:
        return f"{name} is passed by who knows it: {passes}; what else they fool was not asked."
    transfer = (
        f"and what passes fools {_percent(row['transferred'])} of the other models, against "
        f"{_percent(row['transferred_undefended'])}"
    )
    return f"{name} costs an attacker who knows it {_cost(row)}: {passes}, {transfer}."


def _cost(row: Mapping[str, Any]) -> str:
    """The verdict on a cost in points of transfer, as far as its interval allows one."""
    low, high = 100 * row["cost_low"], 100 * row["cost_high"]
    if row["images"] < _FEWEST:
        return f"what {row['images']} images cannot tell"
    if row["cost_high"] <= _NOTHING:
        return "nothing" if high <= 1 else f"next to nothing, at most {high:.0f} points of transfer"
    if row["cost_low"] > 0:
        return f"{low:.0f} to {high:.0f} points of transfer"
    return f"at most {high:.0f} points of transfer, perhaps nothing (so few images cannot tell)"


def _others_sentence(rows: Sequence[Mapping[str, Any]]) -> str:
    known = [row for row in rows if row["cost_high"] is not None and row["images"] >= _FEWEST]
    if not known:
        return ""
    cheap = [row["detector"] for row in known if row["cost_high"] <= _NOTHING]
    most = max(known, key=lambda row: row["cost"])
    said = f"Of {len(known)} other detectors, {len(cheap)} cost at most {100 * _NOTHING:.0f} points"
    return f"{said}; the dearest is {printable(most['detector'])}: {_cost(most)}."


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def pooled_prices(prices: Sequence[Mapping[str, Any]], fpr: float = _PASSING) -> list[dict[str, Any]]:
    """Prices at a rate as means over sources and attacks, by detector and attacker.

    The interval of the cost is the mean of those of its parts: wider than that of the mean, never narrower.
    """
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for each in prices:
        if each["fpr"] == fpr:
            groups.setdefault((each["detector"], each["attacker"]), []).append(each)
    return [
        {
            "detector": detector,
            "attacker": attacker,
            **{
                name: _mean_known([each[name] for each in rows])
                for name in ("undefended", "passed", "transferred", "transferred_undefended", "cost")
            },
            "cost_low": _end(rows, 0),
            "cost_high": _end(rows, 1),
            "images": min(each["images"] for each in rows),
        }
        for (detector, attacker), rows in groups.items()
    ]


def _end(rows: Sequence[Mapping[str, Any]], end: int) -> float | None:
    known = [each["cost_interval"][end] for each in rows if each["cost_interval"] is not None]
    return _mean(known) if len(known) == len(rows) else None


def _mean_known(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return _mean(known) if known else None


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _found_sentences(summary: Mapping[str, Any]) -> list[str]:
    said = []
    for moment, when in ((_FIRST_FOOLS, "barely fool"), (_FIRST_ONE, "first print 1.00")):
        pooled = _pooled_detections(summary["detections"], moment)
        fit = [each for each in pooled if each["detector"] not in unfit_detectors(summary)] or pooled
        if fit:
            best = max(fit, key=lambda each: each["area"])
            found = "" if best["found"] is None else f", and at 1 % false positives {_percent(best['found'])}"
            said.append(
                f"Of images that {when}, of attackers who do not know it, {printable(best['detector'])} finds most: "
                f"area under the ROC curve {best['area']:.2f}{found}."
            )
    return said


def _pooled_detections(detections: Sequence[Mapping[str, Any]], moment: str) -> list[dict[str, Any]]:
    """Means over sources and attacks at a moment, by detector."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for each in detections:
        if each["moment"] == moment:
            groups.setdefault(each["detector"], []).append(each)
    return [
        {
            "detector": name,
            "area": _mean([r["area"] for r in rows]),
            "found": _mean_known([r["found"][0] for r in rows]),
        }
        for name, rows in groups.items()
    ]


def unfit_detectors(summary: Mapping[str, Any]) -> set[str]:
    """Those that flag too many harmless images."""
    return {each["detector"] for each in summary["controls"] if each["unfit"]}


def _rates(summary: Mapping[str, Any]) -> str:
    """What the nominal rates are worth."""
    said = [
        f"{100 * fpr:.0f} % may be {100 * rate['low']:.1f} to {100 * rate['high']:.1f} %"
        for fpr, rate in zip(_FPRS, summary["rates"], strict=True)
        if rate is not None
    ]
    count = summary["calibration"]
    if not said:
        return f"{count} natural images can set no threshold for 5 %, so nothing is said of passing it, or found at it."
    return f"Thresholds are set by {count} natural images: {', '.join(said)}."


def _unfit_sentence(summary: Mapping[str, Any]) -> str:
    names = sorted(unfit_detectors(summary))
    if not names:
        return "No detector flags a benign control more than three times as often as it should."
    return (
        f"Unfit, since they flag harmless images more than three times as often as they should: {listed(names)}: "
        "what they find may be an artefact."
    )
