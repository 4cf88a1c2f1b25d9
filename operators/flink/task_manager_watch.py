"""A Python worker must not outlive its TaskManager."""

from __future__ import annotations

import os
import signal
from threading import Lock, Thread
from time import sleep

import psutil

_started = False
_lock = Lock()


def exit_with_task_manager() -> None:
    """Watch the JVM that started this worker, and kill this process when it is gone.

    Flink leaves Python workers behind when a TaskManager is killed; each holds its models and its
    connections. Started once a process; does nothing where there is no JVM above.
    """
    global _started
    with _lock:
        if _started:
            return
        _started = True
    task_manager = next((p for p in psutil.Process().parents() if p.name() == "java"), None)
    if task_manager is not None:
        Thread(target=_watch, args=(task_manager,), name="orphan-watch", daemon=True).start()


def _watch(task_manager: psutil.Process) -> None:
    while task_manager.is_running() and task_manager.status() != psutil.STATUS_ZOMBIE:
        sleep(0.5)
    os.kill(os.getpid(), signal.SIGKILL)
