"""Settings of the processes in which Flink runs Python functions."""

from __future__ import annotations

from operators.core.event_log import quiet_libraries
from operators.flink.task_manager_watch import exit_with_task_manager


def prepare_worker() -> None:
    """Prepare the process for a function: it ends with its TaskManager, and libraries log only problems."""
    exit_with_task_manager()
    quiet_libraries()
