"""Images of any kind that a model is only shown, as commands are given them."""

from collections.abc import Iterator
from pathlib import Path

from presoftmax.data import (
    ImageSet,
    Preprocessing,
    is_array_file,
    list_images,
    list_unlabeled,
    open_array_pool,
    sample_set,
    samples,
    stream_images,
    stream_pool,
)
from presoftmax.errors import DataError
from presoftmax.models import Classifier, Model

__all__ = ["image_pieces"]


def image_pieces(
    images: str | Path,
    model: Model,
    labels: str | Path | None = None,
    preprocessing: Preprocessing | None = None,
    chunk: int = 64,
) -> Iterator[ImageSet]:
    """Images of a folder, a single file, a file of arrays or ``"samples"``, brought to the model's size.

    Args:
        images: where they are.
        model: that they are for.
        preprocessing: how they are framed; as the model's are when left out.
        labels: a folder's table of labels, if there is one; without, their labels are `UNKNOWN`.
        chunk: images read at a time.

    Raises:
        DataError: nothing of the kind, or labels twice.
    """
    usual = model.preprocessing if isinstance(model, Classifier) else Preprocessing(size=None)
    preprocessing = preprocessing or usual
    which, arrays = sample_set(images), is_array_file(images)
    if labels is not None and (which is not None or arrays):
        raise DataError(f"{labels}: the labels of {images} are in it, not in a table of file names; leave out --labels")
    if which is not None:
        yield samples(which, preprocessing.size)
    elif arrays:
        yield from stream_pool(open_array_pool(images, preprocessing), chunk)
    else:
        listing = list_unlabeled(images) if labels is None else list_images(images, labels, model.classes)
        yield from stream_images(listing, preprocessing, chunk)
