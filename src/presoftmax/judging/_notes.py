"""What a careful reader would want to know of how examples were judged."""

from collections.abc import Iterator

import polars as pl

from presoftmax.strength import Examples, MeasuredExamples

__all__ = ["notes_on"]

_LOW_ACCURACY = 0.3
_FEW = 100
_FEW_FOR_A_SCALE = 20
_ON_THE_LATTICE = 0.01


def notes_on(examples: Examples, measured: MeasuredExamples) -> Iterator[str]:
    """What should be looked at before the numbers are believed."""
    yield from examples.notes
    table = measured.strength
    died = table.filter(pl.col("fooled_as_given") & ~pl.col("fooled")).height
    if measured.off_lattice > _ON_THE_LATTICE:
        yield (
            f"the images are up to {measured.off_lattice:.2f} grey levels off the 8-bit lattice; rounding them costs "
            f"{died} of them their effect on the source. All other numbers are of the rounded images"
        )
    if examples.far_apart:
        yield (
            f"half of the images are {examples.median_distance():.0f} grey levels or more (L-infinity) from their "
            "clean ones: only an attack without a bound goes so far. Are they the same photos, framed in the same way?"
        )
    if not (table["linf"] > 0).any():
        yield "every image is equal to its clean one: are these the adversarial images?"
    seen = table["natural_images"][0]
    if seen < _FEW:
        yield (
            f"what is natural for the source rests on {seen} clean images only; fit a reference on more with "
            "'presoftmax audit' and give it with --natural (natural=)"
        )
    if measured.surrogates is not None and len(examples) < _FEW_FOR_A_SCALE:
        yield (
            f"how large log-odds of each surrogate are is told from {len(examples)} clean images only; expected "
            "transfers of so few examples are hardly comparable with others"
        )
    if measured.predicted is not None:
        yield from measured.predicted.notes
    if measured.clean_accuracy < _LOW_ACCURACY:
        yield (
            f"the source is right on only {100 * measured.clean_accuracy:.0f} % of the clean images: are labels, "
            "normalization and image size its own?"
        )
