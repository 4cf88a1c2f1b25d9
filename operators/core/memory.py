"""The memory of a process: when it is exhausted, and how often Python looks for garbage."""

from __future__ import annotations

import gc
import resource

import psutil

# A micro-batch allocates a few objects per request. All of them are freed after it, nearly all without the
# garbage collector, which only frees cycles. With Python's threshold of 700, it visits them again and again.
_ALLOCATIONS = 200_000


def raise_if_fatal(error: Exception) -> None:
    """Raise a MemoryError again if this process uses more than half of the memory that it may have.

    A model that asks for too much at once fails alone. A process without a limit always goes on.
    """
    if isinstance(error, MemoryError) and _is_half_used():
        raise error


def _is_half_used() -> bool:
    limit, _ = resource.getrlimit(resource.RLIMIT_DATA)
    return limit != resource.RLIM_INFINITY and psutil.Process().memory_info().data > limit / 2


def collect_garbage_rarely() -> None:
    """Exempt the objects that exist, such as modules and models, from collection, and collect rarely."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_ALLOCATIONS, 10, 10)
