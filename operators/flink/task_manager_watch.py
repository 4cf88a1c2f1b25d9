"""Ends a Python worker when its TaskManager ends."""

from __future__ import annotations

import os
import signal
from threading import Lock, Thread
from time import sleep

import psutil

_started = False
_lock = Lock()


def exit_with_task_manager() -> None:
    """Watch the JVM that started this worker, and kill this process when the JVM ends.

    When a TaskManager is killed, Flink does not end its Python workers, which keep their models in memory and
    their connections open. Starts one thread per process. Does nothing if no JVM started this process.
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
