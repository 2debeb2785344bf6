"""Images with labels: the sample photos, folders, arrays."""

from presoftmax.data.imageset import ImageSet, Skipped
from presoftmax.data.listing import Listing, list_images
from presoftmax.data.reading import Framing, read_images, stream_images
from presoftmax.data.samples import samples

__all__ = [
    "Framing",
    "ImageSet",
    "Listing",
    "Skipped",
    "list_images",
    "read_images",
    "samples",
    "stream_images",
]
