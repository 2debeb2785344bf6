"""The picture of judged examples: all of them as dots, and the few that tell the most."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from presoftmax.analysis import most_disguised, telling_pair
from presoftmax.report.figures import Shown, class_namer, judged_figure
from presoftmax.strength import Examples, MeasuredExamples, rounding

__all__ = ["judged_picture", "telling"]

_NAME = 28


def telling(measured: MeasuredExamples) -> tuple[str, ...]:
    """Ids of the examples that are shown first: a pair that the confidence calls equal, and a disguised one."""
    pair = telling_pair(measured.strength) or ()
    hidden = most_disguised(measured.strength)
    return tuple(dict.fromkeys((*pair, *([hidden] if hidden is not None else []))))


def judged_picture(
    source: str, classes: Sequence[str] | None, examples: Examples, measured: MeasuredExamples, alone: bool = False
) -> Figure:
    """Draw it.

    Args:
        source: name of the source.
        classes: names of its classes, where they are known.
        examples: the pairs of images.
        measured: what was found.
        alone: only the dots.
    """
    position = {name: i for i, name in enumerate(examples.clean.ids)}
    pixels, namer = rounding(examples.adversarial), class_namer(classes)
    shown = []
    for name in () if alone else telling(measured):
        at = position[name]
        row = measured.strength.row(at, named=True)
        said = namer(row["predicted"])
        said = said if len(said) <= _NAME else f"{said[: _NAME - 1]}…"
        title = f"confidence {row['confidence']:.2f} ({said}), log-odds {row['misclassification_log_odds']:.1f}"
        shown.append(Shown(pixels[at].permute(1, 2, 0).numpy(), row, title))
    heading = f"{measured.strength['adversarial'].sum()} adversarial examples for {source}: confidence and log-odds"
    return judged_figure(measured.strength, measured.transfers, measured.natural_ranges, shown, heading)
