"""What the C library does with freed memory, in a process that only trains.

A step allocates and frees the same tens of megabytes every time. By default glibc gives blocks of that size
back to the kernel and asks for them again, page by page: thousands of page faults a step, up to a fifth of
its CPU time (docs/performance.md). Kept, they cost one fault each, once; but memory that lies between what is
in use makes a process larger, 1.6 times on average and up to 2.6 times what a run needs
(`tests/training_memory.py`).
"""

import contextlib
import ctypes
from collections.abc import Iterator

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_MOST, _USUAL = 2**31 - 1, 32 * 2**20
_LIBC = ctypes.CDLL(None)

KEPT = 3.0
"""How many times what a run needs is free where freed memory is kept: more than it was ever seen to take."""


@contextlib.contextmanager
def keeping_freed_memory(*, needed: int, free: int) -> Iterator[bool]:
    """Let freed memory stay with this process meanwhile, where a run that needs so many bytes leaves room.

    Gives whether it is kept: never where the C library is not glibc. No result of a computation changes. At
    the end the kernel is given back what is free. See mallopt(3) and malloc_trim(3).
    """
    keep = needed * KEPT <= free and _set_thresholds(_MOST)
    try:
        yield keep
    finally:
        if keep:
            _set_thresholds(_USUAL)
            return_freed_memory()


def return_freed_memory() -> None:
    """Give the kernel what is free now, where the C library is glibc."""
    trim = getattr(_LIBC, "malloc_trim", None)
    if trim is not None:
        trim(0)


def _set_thresholds(size: int) -> bool:
    """Blocks of at least `size` bytes go back to the kernel when they are freed."""
    mallopt = getattr(_LIBC, "mallopt", None)
    return mallopt is not None and bool(mallopt(_M_MMAP_THRESHOLD, size) and mallopt(_M_TRIM_THRESHOLD, size))
