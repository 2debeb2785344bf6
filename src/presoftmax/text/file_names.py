"""Names of files and folders made from names that may hold anything."""

import re
from hashlib import blake2b

__all__ = ["file_name"]

_LONGEST = 80
_MOST_BYTES = 160  # of the 255 that file systems take, the rest for what stands around it


def file_name(name: str, unique: bool = True) -> str:
    """A name as that of a file or a folder: letters, digits, ``_``, ``.`` and ``-``, no longer than any disk takes.

    Args:
        name: anything; one that is good as it is stays so.
        unique: names that would become the same are told apart by a short hash.
    """
    safe = re.sub(r"[^\w.-]+", "_", name).lstrip(".")[:_LONGEST]
    safe = safe.encode("utf-8")[:_MOST_BYTES].decode("utf-8", "ignore")
    if safe == name and safe:
        return safe
    mark = blake2b(name.encode("utf-8", "surrogatepass"), digest_size=3).hexdigest()
    return f"{safe}-{mark}" if unique else safe or mark
