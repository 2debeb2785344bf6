"""A number for a name: what is drawn from it is the same in any batch, order, shard and machine."""

from hashlib import blake2b

__all__ = ["number_of"]


def number_of(*parts: object) -> int:
    """64 bits, a hash of the parts as text."""
    key = "\0".join(map(str, parts))
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big")
