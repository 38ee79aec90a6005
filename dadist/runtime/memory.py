"""Memory that a process has freed stays with it: asking the system anew for every map is a sixth of a training step."""

import ctypes

# Numbers of glibc's mallopt(3).
TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD = -1, -2, -3
LARGE = 1 << 30  # bytes: blocks below come from the heap
LARGE_OF_OLD = 32 << 20  # the most that glibc took for it before 2.35
KEPT = (1 << 31) - 1  # bytes at the heap's end that are not given back; an int, so no more than that
STEP = 64 << 20  # bytes that the heap grows by


def keep_freed_memory() -> bool:
    """Let the allocator of this process keep what is freed; whether it does. Changes no result.

    A network allocates the same large blocks at every step. glibc gives such blocks back to the system when they are
    freed, and each page of the next ones costs a fault and is cleared. Other allocators are left as they are.
    """
    tune = getattr(ctypes.CDLL(None), "mallopt", None)
    if tune is None:  # not glibc
        return False
    large = tune(MMAP_THRESHOLD, LARGE) or tune(MMAP_THRESHOLD, LARGE_OF_OLD)
    return bool(large and tune(TRIM_THRESHOLD, KEPT) and tune(TOP_PAD, STEP))
