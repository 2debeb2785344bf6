"""What a study says of transfer before it happens: the points that prediction is fitted to and evaluated on."""

import polars as pl
from safetensors import safe_open

from presoftmax.analysis import log_spaced
from presoftmax.analysis.prediction import ModelFacts, Points, join_points, read_points
from presoftmax.errors import StudyError
from presoftmax.study.results import Results
from presoftmax.study.tasks import SHOWN_ITERATIONS

__all__ = ["points_of"]


def points_of(results: Results) -> Points:
    """The points of a finished study, of every attack on every source, at about a dozen iterations.

    Raises:
        StudyError: no attack left an image, or the study was run before surrogates' log-odds were recorded.
    """
    models = ModelFacts.of(results.folder.natural(), _families(results), _values(results))
    parts = []
    for attack, source in results.groups():
        rows = results.steps(attack, source)
        transfers = results.transfers(attack, source)
        if "misclassification_log_odds" not in transfers.collect_schema().names():
            raise StudyError(f"{results.folder.path}: run before victims' log-odds were recorded; run it again")
        last = rows.select(pl.col("iteration").max()).collect().item()
        if last is None:
            continue
        iterations = log_spaced(last, SHOWN_ITERATIONS)
        parts.append(
            read_points(
                models, rows, transfers, results.copies(attack, source), results.noise(attack, source), iterations
            )
        )
    if not parts:
        raise StudyError(f"{results.folder.path}: no attack has an image to tell anything from")
    return join_points(parts)


def _families(results: Results) -> dict[str, str]:
    """Families by the names of the tables; a family of one's own is called as the model."""
    config = results.config
    named = zip((*config.models, *config.victims), results.names.labels, strict=True)
    return {label: config.families.get(spec, label) for spec, label in named}


def _values(results: Results) -> int:
    """Pixel values of an image."""
    with safe_open(results.folder.chunk_file(0, "images.safetensors"), framework="numpy") as file:
        shape = file.get_slice("images").get_shape()
    return int(shape[1] * shape[2] * shape[3])
