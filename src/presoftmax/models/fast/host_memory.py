"""Keep the memory that PyTorch frees between two layers, while a long job runs on the CPU.

By default glibc gives large blocks back to the system as soon as they are freed, and the kernel clears every page of
them again when the next layer asks for as much: a third to a half of the time of a large batch.
"""

import ctypes
import platform
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["keep_freed_memory"]

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of malloc.h
_NEVER = 2**31 - 1
_BIGGEST_BLOCK = 2**30
# Where glibc's own adjustment ends up after large blocks have been freed.
_USUAL_TRIM, _USUAL_MMAP = 2**26, 2**25

_depth = 0


@contextmanager
def keep_freed_memory() -> Iterator[None]:
    """Keep freed memory in this process for a while, and give it back at the end; nothing where there is no glibc."""
    global _depth  # it is one setting of the whole process; only the outermost use undoes it
    library = _glibc()
    if library is None:
        yield
        return
    if _depth == 0:
        library.mallopt(_MMAP_THRESHOLD, _BIGGEST_BLOCK)
        library.mallopt(_TRIM_THRESHOLD, _NEVER)
    _depth += 1
    try:
        yield
    finally:
        _depth -= 1
        if _depth == 0:
            library.mallopt(_MMAP_THRESHOLD, _USUAL_MMAP)
            library.mallopt(_TRIM_THRESHOLD, _USUAL_TRIM)
            library.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    if platform.libc_ver()[0] != "glibc":
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "mallopt") and hasattr(library, "malloc_trim") else None
