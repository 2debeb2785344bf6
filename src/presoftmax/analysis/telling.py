"""Which of many judged examples tell the most, to be shown first."""

import polars as pl

__all__ = ["most_disguised", "telling_pair"]

_STRENGTHS = ("misclassification_log_odds", "ca1")
_NEAR_THE_END = 0.25
"""Share of the range of strengths within which an example counts as one of the weakest, or of the strongest."""


def telling_pair(strength: pl.DataFrame) -> tuple[str, str] | None:
    """Two adversarial examples with the same confidence in two decimals, and far apart in strength.

    One of the weakest and one of the strongest of those that print alike, by the misclassification log-odds and by
    CA1, so that nothing but the confidence calls them equal; of these, the ones that were changed least, so that they
    look alike too. Where several confidences repeat, the highest goes first. What they do to victims is not looked at.

    Args:
        strength: the table of judged examples.

    Returns:
        Their ids, the weaker one first; None where no confidence repeats, or no two differ.
    """
    ours = strength.filter("adversarial").with_columns(printed=pl.col("confidence").round(2))
    for _, same in ours.sort("printed", descending=True).group_by("printed", maintain_order=True):
        places = [_place(same, name) for name in _STRENGTHS]
        weak = same.filter(*(place <= _NEAR_THE_END for place in places)).sort("l2", "example")
        strong = same.filter(*(place >= 1 - _NEAR_THE_END for place in places)).sort("l2", "example")
        if weak.height and strong.height:
            return weak["example"][0], strong["example"][0]
    return None


def _place(table: pl.DataFrame, column: str) -> pl.Series:
    """Where each value is between the smallest (0) and the largest (1); NaN where all are the same."""
    values = table[column].cast(pl.Float64)
    return (values - values.min()) / (values.max() - values.min())  # type: ignore[operator]


def most_disguised(strength: pl.DataFrame) -> str | None:
    """The id of the example beyond natural images that looks weakest; None where none is disguised."""
    hidden = strength.filter("disguised").sort("confidence", "example")
    return str(hidden["example"][0]) if hidden.height else None
