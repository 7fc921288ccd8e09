"""How the C library treats freed memory in a process that only trains.

Every step allocates and frees the same tens of megabytes. By default glibc returns blocks of that size to the
kernel and asks for them again, page by page: thousands of page faults a step, up to a fifth of its CPU time
(docs/performance.md). A page that is kept costs one fault in all. But gaps between the blocks in use make the
process larger: 1.6 times what a run needs on average, and up to 2.6 times (`tests/training_memory.py`).
"""

import contextlib
from collections.abc import Iterator

from vggsearch.system import return_freed_blocks_from, return_freed_memory

_LARGEST, _DEFAULT = 2**31 - 1, 32 * 2**20

KEEP_FACTOR = 3.0
"""Freed memory is kept where this many times a run's need is free; no measured run held as much."""


@contextlib.contextmanager
def keeping_freed_memory(*, needed: int, free: float) -> Iterator[bool]:
    """Keep freed memory in this process within the context, if `free` bytes are enough for that.

    Yields whether it is kept: never where the C library is not glibc. Results of computations do not change.
    At the end free memory is returned to the kernel. `needed` are the bytes that the run needs.
    """
    keep = needed * KEEP_FACTOR <= free and return_freed_blocks_from(_LARGEST)
    try:
        yield keep
    finally:
        if keep:
            return_freed_blocks_from(_DEFAULT)
            return_freed_memory()
