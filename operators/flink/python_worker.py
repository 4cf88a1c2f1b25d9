"""Settings of the processes in which Flink runs Python functions."""

from __future__ import annotations

import gc

from operators.core.event_log import quiet_libraries
from operators.flink.task_manager_watch import exit_with_task_manager

# A micro-batch allocates a few objects per request. All of them are freed after it, nearly all without the
# garbage collector, which only frees cycles. With Python's threshold of 700, it visits them again and again.
_ALLOCATIONS = 200_000


def prepare_worker() -> None:
    """Prepare the process for a function: it ends with its TaskManager, and libraries log only problems."""
    exit_with_task_manager()
    quiet_libraries()


def collect_garbage_rarely() -> None:
    """Exempt the objects that exist, such as modules and models, from collection, and collect rarely."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_ALLOCATIONS, 10, 10)
