"""The fast path: networks as copies that compute the same in less time."""

from typing import TYPE_CHECKING

from presoftmax.errors import face

if TYPE_CHECKING:
    from presoftmax.models.fast.acceleration import accelerate, as_portable, as_variant, worth_accelerating
    from presoftmax.models.fast.host_memory import keep_freed_memory
    from presoftmax.models.fast.shared_weights import WeightWatch

__all__ = ["WeightWatch", "accelerate", "as_portable", "as_variant", "keep_freed_memory", "worth_accelerating"]

if not TYPE_CHECKING:
    __getattr__, __dir__ = face(__name__, __all__)
