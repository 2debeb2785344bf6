"""What was seen, in plain sentences made from the numbers of the run."""

from collections.abc import Sequence

from presoftmax.analysis import HIGH_CONFIDENCE, AttackSummary, Point
from presoftmax.text import no_minus_zero, printable

__all__ = ["sentences"]


def sentences(findings: Sequence[AttackSummary]) -> tuple[str, ...]:
    """A few sentences for each attack, and one that compares them where there are both kinds."""
    said = [_several_classes(found) if found.classes > 1 else _one_class(found) for found in findings]
    single = next((found for found in findings if found.classes == 1), None)
    several = next((found for found in findings if found.classes > 1), None)
    if single is not None and several is not None:
        said.append(_comparison(single, several))
    return tuple(map(no_minus_zero, said))


def _one_class(found: AttackSummary) -> str:
    end, blind, clean = found.end, found.blind, found.clean
    if blind is None or blind.iteration == end.iteration:
        text = (
            f"{_name(found)}: mean confidence went from {clean.confidence:.2f} to {end.confidence:.2f} by iteration "
            f"{end.iteration} and did not reach {HIGH_CONFIDENCE} before that; mean CA1 went from {clean.ca1:.1f} "
            f"to {end.ca1:.1f}."
        )
    else:
        text = (
            f"{_name(found)}: mean confidence reached {HIGH_CONFIDENCE} at iteration {blind.iteration} and had nowhere "
            f"left to go. From there to iteration {end.iteration}, mean CA1 went from {blind.ca1:.1f} to {end.ca1:.1f} "
            f"(clean {clean.ca1:.1f}){_transfer_since(blind.transfer, end.transfer)}."
        )
    return f"{text} {_saturation(found)}"


def _transfer_since(before: dict[str, float], after: dict[str, float]) -> str:
    changes = [f"{printable(name)} from {_percent(before[name])} to {_percent(after[name])}" for name in after]
    return f", and the share of examples that fool a victim: {', '.join(changes)}" if changes else ""


def _saturation(found: AttackSummary) -> str:
    if found.saturated == 0:
        return "No example ended with a float32 confidence of exactly 1."
    half = f"; half had reached it by iteration {found.first_saturated}" if found.first_saturated is not None else ""
    return f"{_percent(found.saturated)} of the examples ended with a float32 confidence of exactly 1{half}."


def _several_classes(found: AttackSummary) -> str:
    end, clean = found.end, found.clean
    weaker = (
        f"{_percent(found.below_clean_confidence)} of the examples are beyond it and yet look less sure than their own "
        "clean photo"
        if found.below_clean_confidence > 0
        else "none of those looks less sure than its own clean photo"
    )
    return (
        f"{_name(found)}, {found.classes} classes at once: mean confidence ended at {end.confidence:.2f} (clean "
        f"{clean.confidence:.2f}), mean CA1 at {end.ca1:.1f} (clean {clean.ca1:.1f}). {_percent(found.beyond_clean)} "
        f"of the examples are beyond the largest CA1 of any clean photo here; {weaker}. The log-odds of all targets "
        f"together, which no splitting can hide, went from {_odds(clean)} to {_odds(end)}."
    )


def _odds(point: Point) -> str:
    return "–" if point.group_log_odds is None else f"{point.group_log_odds:.1f}"


def _comparison(single: AttackSummary, several: AttackSummary) -> str:
    verb = "lowers" if several.end.confidence < single.end.confidence else "does not lower"
    return (
        f"At iteration {several.end.iteration}, driving {several.classes} classes instead of one {verb} "
        f"the confidence ({several.end.confidence:.2f} against "
        f"{single.end.confidence:.2f}) and gives {several.end.ca1 / single.end.ca1:.2f} times the "
        f"CA1{_transfer_against(single.end.transfer, several.end.transfer)}."
    )


def _transfer_against(single: dict[str, float], several: dict[str, float]) -> str:
    parts = [f"{printable(name)} {_percent(several[name])} against {_percent(single[name])}" for name in several]
    return f"; examples that fool a victim: {', '.join(parts)}" if parts else ""


def _name(found: AttackSummary) -> str:
    name = printable(found.attack) or "attack"
    return name[0].upper() + name[1:]


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
