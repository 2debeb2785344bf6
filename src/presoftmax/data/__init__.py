"""Images with labels: the sample photos, folders, arrays."""

from typing import TYPE_CHECKING

from presoftmax.errors import face

if TYPE_CHECKING:
    from presoftmax.data.accepted import GivenImages, as_images, as_labels
    from presoftmax.data.arrays import ARRAY_FILES, Arrays, is_array_file, read_arrays
    from presoftmax.data.content import describe_content
    from presoftmax.data.form import as_grey_levels
    from presoftmax.data.imageset import ImageSet, Skipped, nothing_usable
    from presoftmax.data.listing import UNKNOWN, Listing, list_images, list_unlabeled
    from presoftmax.data.paths import as_path, check_location, sample_set
    from presoftmax.data.pool import Pool, open_array_pool, open_pool, shuffled, stream_pool
    from presoftmax.data.reading import Preprocessing, read_images, resized, stream_images, to_picture, to_tensor
    from presoftmax.data.sample_photos import samples
    from presoftmax.data.torch_file import load_tensors

__all__ = [
    "ARRAY_FILES",
    "UNKNOWN",
    "Arrays",
    "GivenImages",
    "ImageSet",
    "Listing",
    "Pool",
    "Preprocessing",
    "Skipped",
    "as_grey_levels",
    "as_images",
    "as_labels",
    "as_path",
    "check_location",
    "describe_content",
    "is_array_file",
    "list_images",
    "list_unlabeled",
    "load_tensors",
    "nothing_usable",
    "open_array_pool",
    "open_pool",
    "read_arrays",
    "read_images",
    "resized",
    "sample_set",
    "samples",
    "shuffled",
    "stream_images",
    "stream_pool",
    "to_picture",
    "to_tensor",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = face(__name__, __all__)
