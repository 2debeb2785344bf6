"""What an evaluation of a defense found, in sentences, and the means that they are made of."""

from collections.abc import Mapping, Sequence
from typing import Any

from presoftmax.text import listed, printable

__all__ = ["aimed_at", "defense_sentences", "pooled_prices", "unfit_detectors"]

_FIRST_FOOLS, _FIRST_ONE = "first fools", "first prints 1.00"
_UNAWARE = "unaware"
_AIMING = ("penalized", "selective", "orthogonal")
_PASSING = 0.05


def defense_sentences(summary: Mapping[str, Any]) -> tuple[str, ...]:
    """What was found, the worst first, in plain sentences made from the numbers."""
    detectors = dict.fromkeys(each["detector"] for each in summary["prices"] if each["attacker"] != _UNAWARE)
    aimed = [name for name in detectors if aimed_at(summary, name)] or list(detectors)
    said = [_price_sentence(summary, name) for name in aimed]
    return tuple(text for text in (*said, *_found_sentences(summary), _unfit_sentence(summary)) if text)


def aimed_at(summary: Mapping[str, Any], detector: str) -> bool:
    """Whether some attacker was made for this very detector."""
    return any(each["detector"] == detector and each["attacker"] in _AIMING for each in summary["prices"])


def _price_sentence(summary: Mapping[str, Any], detector: str) -> str:
    """What the attacker who gets furthest past a detector pays, the mean over sources and attacks."""
    pooled = pooled_prices(summary["prices"])
    rows = [each for each in pooled if each["detector"] == detector and each["attacker"] != _UNAWARE]
    if not rows:
        return ""
    best = max(rows, key=lambda each: (each["transferred"], each["passed"]))
    undefended, got = 100 * best["transferred_undefended"], 100 * best["transferred"]
    free = best["cost_low"] is not None and best["cost_low"] <= 0
    verdict = f"{printable(detector)} costs an attacker who knows it {'nothing' if free else 'something, not all'}: "
    return (
        f"{verdict}the {best['attacker']} attacker passes it at 5 % false positives with {100 * best['passed']:.0f} % "
        f"of its images, which fool {got:.0f} % of the victims; without any defense it is {undefended:.0f} %."
    )


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
                name: _mean([each[name] for each in rows])
                for name in ("undefended", "passed", "transferred", "transferred_undefended", "cost")
            },
            "cost_low": _end(rows, 0),
            "cost_high": _end(rows, 1),
            "parts": len(rows),
        }
        for (detector, attacker), rows in groups.items()
    ]


def _end(rows: Sequence[Mapping[str, Any]], end: int) -> float | None:
    known = [each["cost_interval"][end] for each in rows if each["cost_interval"] is not None]
    return _mean(known) if len(known) == len(rows) else None


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _found_sentences(summary: Mapping[str, Any]) -> list[str]:
    said = []
    for moment, when in ((_FIRST_FOOLS, "barely fool"), (_FIRST_ONE, "first print 1.00")):
        pooled = _pooled_detections(summary["detections"], moment)
        fit = [each for each in pooled if each["detector"] not in unfit_detectors(summary)] or pooled
        if fit:
            best = max(fit, key=lambda each: each["area"])
            said.append(
                f"Of images that {when}, of attackers who do not know it, {printable(best['detector'])} finds most: "
                f"area under the ROC curve {best['area']:.2f}, and at 1 % false positives {100 * best['found']:.0f} %."
            )
    return said


def _pooled_detections(detections: Sequence[Mapping[str, Any]], moment: str) -> list[dict[str, Any]]:
    """Means over sources and attacks at a moment, by detector."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for each in detections:
        if each["moment"] == moment:
            groups.setdefault(each["detector"], []).append(each)
    return [
        {"detector": name, "area": _mean([r["area"] for r in rows]), "found": _mean([r["found"][0] for r in rows])}
        for name, rows in groups.items()
    ]


def unfit_detectors(summary: Mapping[str, Any]) -> set[str]:
    """Those that flag too many harmless images."""
    return {each["detector"] for each in summary["controls"] if each["unfit"]}


def _unfit_sentence(summary: Mapping[str, Any]) -> str:
    names = sorted(unfit_detectors(summary))
    if not names:
        return "No detector flags a benign control more than three times as often as it should."
    return (
        f"Unfit, since they flag harmless images more than three times as often as they should: {listed(names)}: "
        "what they find may be an artefact."
    )
