"""What the C library does with freed memory, in a process that only trains.

A step allocates and frees the same tens of megabytes every time. By default glibc gives blocks of that size
back to the kernel and asks for them again, page by page: thousands of page faults a step, up to a fifth of
its CPU time (docs/performance.md). Kept, they cost one fault each, once; but memory that lies between what is
in use makes a process larger, 1.5 times on average and up to 2.6 times what a run needs
(`vggsearch.testing.training_memory`).
"""

import ctypes

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_MOST, _USUAL = 2**31 - 1, 128 * 1024
_LIBC = ctypes.CDLL(None)

KEPT = 3.0
"""How many times what a run needs is free where freed memory is kept: more than it was ever seen to take."""


def keep_freed_memory(*, needed: int, free: int) -> bool:
    """Let freed memory stay with this process, where a run that needs so many bytes leaves room for that.

    Until the next call. Returns whether it is kept: never where the C library is not glibc. No result of a
    computation changes. See mallopt(3).
    """
    mallopt = getattr(_LIBC, "mallopt", None)
    if mallopt is None:
        return False
    keep = KEPT * needed <= free
    threshold = _MOST if keep else _USUAL
    return bool(mallopt(_M_MMAP_THRESHOLD, threshold) and mallopt(_M_TRIM_THRESHOLD, threshold)) and keep


def return_freed_memory() -> None:
    """Give the kernel what is free now, as between two runs; see malloc_trim(3)."""
    trim = getattr(_LIBC, "malloc_trim", None)
    if trim is not None:
        trim(0)
