"""Errors after which a process should not go on, because its memory is exhausted."""

from __future__ import annotations

import resource

import psutil


def raise_if_fatal(error: Exception) -> None:
    """Raise a MemoryError again if this process uses more than half of the memory that it may have.

    A model that asks for too much at once fails alone. A process without a limit always goes on.
    """
    if isinstance(error, MemoryError) and _is_half_used():
        raise error


def _is_half_used() -> bool:
    limit, _ = resource.getrlimit(resource.RLIMIT_DATA)
    return limit != resource.RLIM_INFINITY and psutil.Process().memory_info().data > limit / 2
