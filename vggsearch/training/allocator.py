"""What the C library does with freed memory, in a process that only trains.

A step allocates and frees the same tens of megabytes every time. By default glibc gives blocks of that size
back to the kernel and asks for them again, page by page: thousands of page faults a step, up to a fifth of
its CPU time (docs/performance.md). Kept, they cost one fault each, once.
"""

import ctypes

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_MOST = 2**31 - 1
_LIBC = ctypes.CDLL(None)


def keep_freed_memory() -> bool:
    """Let freed memory stay with this process, for good; False where the C library is not glibc.

    See mallopt(3). No result of a computation changes.
    """
    mallopt = getattr(_LIBC, "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, _MOST) and mallopt(_M_TRIM_THRESHOLD, _MOST))


def return_freed_memory() -> None:
    """Give the kernel what is free now, as between two runs; see malloc_trim(3)."""
    trim = getattr(_LIBC, "malloc_trim", None)
    if trim is not None:
        trim(0)
