"""The worst of several attacks on the same images: what is left of robustness when the attacker may choose."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
import torch

from presoftmax.analysis._outcomes import Outcome, outcomes_of
from presoftmax.analysis.judged import Share
from presoftmax.data import ImageSet
from presoftmax.errors import DataError
from presoftmax.printing import Printed, brief, first_few
from presoftmax.tables import WORST_CASE, WORST_CASE_TRANSFERS

__all__ = ["WorstCase", "worst_case"]

_SAME_NETWORK = 0.1
"""How far the clean CA1 of one network may differ from run to run, over the largest: what bfloat16 may cost."""


@dataclass(frozen=True, repr=False)
class WorstCase(Printed):
    """The worst that several attacks do to the same images. Made by `presoftmax.analysis.worst_case`.

    Attributes:
        source: name of the model that the examples were made on.
        attacks: names of the attacks.
        examples: the table `worst_case`: a row per example.
        transfers: the table `worst_case_transfers`: a row per example and victim.
    """

    source: str
    attacks: tuple[str, ...]
    examples: pl.DataFrame
    transfers: pl.DataFrame

    def _lines(self) -> list[str]:
        right = self.examples.filter("right_before")
        lines = [
            f"The worst of {first_few(self.attacks)} on {brief(self.source)}: {self.examples.height} examples",
            f"  fools {brief(self.source)}: {Share.count(right['adversarial'])}",
        ]
        victims = self.transfers["victim"].unique(maintain_order=True).to_list()
        for victim in victims[:_SHOWN]:
            rows = self.transfers.filter("right_before", pl.col("victim") == victim)
            lines.append(f"  fools {brief(victim)}: {Share.count(rows['misclassified'])}")
        if len(victims) > _SHOWN:
            lines.append(f"  ... and {len(victims) - _SHOWN} more victims")
        return [*lines, "  of those that were right before; .examples, .transfers"]


_SHOWN = 5


def worst_case(results: Mapping[str, Any] | Iterable[Any]) -> WorstCase:
    """The strongest of several attacks on each example, and whether any of them fools each victim.

    ::

        ps.analysis.worst_case([trace, other_trace])
        ps.analysis.worst_case({"pgd": judged, "ours": other_judged})

    Of a trace the images of the last iteration count, as the attack would return them. An attack that is strong on
    other images than another one leaves fewer examples robust together than either alone.

    Args:
        results: traces, or what `presoftmax.judge` gives, of the same images on the same source, shown to the same
            victims: a list, or by name (judged examples know no attack).

    Returns:
        Tables with examples in the order of the first result. Of two attacks that are equally strong, the first.

    Raises:
        DataError: other images, labels, sources or victims than those of the first result; an interrupted trace.
        TypeError: something else than such results.
    """
    outcomes = outcomes_of(results)
    first = outcomes[0]
    for other in outcomes[1:]:
        _check_same(first, other)
    return WorstCase(
        source=first.source,
        attacks=tuple(outcome.attack for outcome in outcomes),
        examples=_strongest(outcomes),
        transfers=_any_fools(outcomes),
    )


def _strongest(outcomes: Sequence[Outcome]) -> pl.DataFrame:
    """The rows of `worst_case`."""
    rows = pl.concat(outcome.examples.with_columns(attack=pl.lit(outcome.attack)) for outcome in outcomes)
    best = (
        rows.filter("adversarial")
        .sort("misclassification_log_odds", descending=True, nulls_last=True, maintain_order=True)
        .group_by("example", maintain_order=True)
        .agg(pl.len().alias("adversarial_attacks"), pl.all().exclude("label", "right_before", "clean_ca1").first())
    )
    return (
        outcomes[0]
        .examples.select("example", "label", "right_before")
        .join(best, on="example", how="left", maintain_order="left")
        .with_columns(
            pl.col("adversarial").fill_null(False),
            pl.col("adversarial_attacks").fill_null(0),
            source=pl.lit(outcomes[0].source),
        )
        .select(pl.col(column.name).cast(column.dtype) for column in WORST_CASE)
    )


def _any_fools(outcomes: Sequence[Outcome]) -> pl.DataFrame:
    """The rows of `worst_case_transfers`."""
    rows = pl.concat(outcome.shown.with_columns(attack=pl.lit(outcome.attack)) for outcome in outcomes)
    return (
        rows.group_by("example", "victim", maintain_order=True)
        .agg(
            pl.col("right_before").first(),
            pl.col("misclassified").any(),
            pl.col("attack").filter("misclassified").alias("attacks"),
        )
        .join(outcomes[0].examples.select("example", "label"), on="example", how="left", maintain_order="left")
        .with_columns(source=pl.lit(outcomes[0].source))
        .select(pl.col(column.name).cast(column.dtype) for column in WORST_CASE_TRANSFERS)
    )


def _check_same(first: Outcome, other: Outcome) -> None:
    both = f"worst_case: {first.attack} and {other.attack}"
    if first.source != other.source:
        raise DataError(f"{both} are of different sources, {first.source} and {other.source}")
    _check_images(both, first.images, other.images)
    pairs = first.examples.select("example", ours="clean_ca1").join(
        other.examples.select("example", theirs="clean_ca1"), on="example"
    )
    ours, theirs = (pairs[name].cast(pl.Float64).fill_nan(None) for name in ("ours", "theirs"))
    largest = max((float(each) for each in ours.abs().drop_nulls()), default=0.0)
    if ((ours - theirs).abs() > _SAME_NETWORK * largest).any():
        raise DataError(
            f"{both} were run on two networks that are both called {first.source}: their logits of the clean images "
            "differ; name the sources"
        )
    odd = set(first.victims) ^ set(other.victims)
    if odd:
        raise DataError(f"{both} were not shown to the same victims: only one of them to {min(odd)}")


def _check_images(both: str, ours: ImageSet, theirs: ImageSet) -> None:
    if odd := set(ours.ids) ^ set(theirs.ids):
        raise DataError(f"{both} are of other images: only one of them has {min(odd)!r} (ids= names the images)")
    at = {name: i for i, name in enumerate(theirs.ids)}
    theirs = theirs.select([at[name] for name in ours.ids])
    if ours.images.shape != theirs.images.shape:
        sizes = " and ".join(str(tuple(each.images.shape[2:])) for each in (ours, theirs))
        raise DataError(f"{both} are of images of different sizes, {sizes}")
    for what, same in (
        ("clean image", (ours.images == theirs.images).flatten(1).all(dim=1)),
        ("label", ours.labels == theirs.labels),
    ):
        if not same.all():
            name = ours.ids[int(torch.nonzero(~same)[0])]
            raise DataError(f"{both} are not of the same images: the {what} of {name!r} differs")
