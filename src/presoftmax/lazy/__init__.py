"""What is imported when it is first used: commands that run no network need not wait for PyTorch."""

from presoftmax.lazy.deferred import deferred
from presoftmax.lazy.faces import offered_by

__all__ = ["deferred", "offered_by"]
