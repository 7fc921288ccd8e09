"""How the C library treats freed memory in a process that only trains.

Every step allocates and frees the same tens of megabytes. By default glibc returns blocks of that size to the
kernel and asks for them again, page by page: thousands of page faults a step, up to a fifth of its CPU time
(docs/performance.md). A page that is kept costs one fault in all. But gaps between the blocks in use make the
process larger: 1.6 times what a run needs on average, and up to 2.6 times (`tests/training_memory.py`).
"""

import contextlib
import ctypes
from collections.abc import Iterator

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_LARGEST, _DEFAULT = 2**31 - 1, 32 * 2**20
_LIBC = ctypes.CDLL(None)

KEEP_FACTOR = 3.0
"""Freed memory is kept where this many times a run's need is free; no measured run held as much."""


@contextlib.contextmanager
def keeping_freed_memory(*, needed: int, free: int) -> Iterator[bool]:
    """Keep freed memory in this process within the context, if `free` bytes are enough for that.

    Yields whether it is kept: never where the C library is not glibc. Results of computations do not change.
    At the end free memory is returned to the kernel. `needed` are the bytes that the run needs. See
    mallopt(3) and malloc_trim(3).
    """
    keep = needed * KEEP_FACTOR <= free and _set_thresholds(_LARGEST)
    try:
        yield keep
    finally:
        if keep:
            _set_thresholds(_DEFAULT)
            return_freed_memory()


def return_freed_memory() -> None:
    """Return free memory to the kernel; without effect where the C library is not glibc."""
    trim = getattr(_LIBC, "malloc_trim", None)
    if trim is not None:
        trim(0)


def _set_thresholds(size: int) -> bool:
    """Have freed blocks of at least `size` bytes returned to the kernel; return whether that was possible."""
    mallopt = getattr(_LIBC, "mallopt", None)
    return mallopt is not None and bool(mallopt(_M_MMAP_THRESHOLD, size) and mallopt(_M_TRIM_THRESHOLD, size))
