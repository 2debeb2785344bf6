"""The fast path: networks as copies that compute the same in less time."""

from presoftmax.models.fast.accelerate import (
    Choice,
    accelerated,
    as_fast_as_pays,
    on_path,
    on_portable_path,
    on_usual_path,
    pays,
)
from presoftmax.models.fast.host_memory import freed_memory_kept
from presoftmax.models.fast.shared_weights import WeightWatch

__all__ = [
    "Choice",
    "WeightWatch",
    "accelerated",
    "as_fast_as_pays",
    "freed_memory_kept",
    "on_path",
    "on_portable_path",
    "on_usual_path",
    "pays",
]
