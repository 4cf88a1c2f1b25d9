"""Processes that outlive the command that started them, and are found again."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

import psutil

MARK = "WEIR_STACK"


def spawn(command: list[str], stack: str, log: Path, environment: Mapping[str, str]) -> int:
    """Start a process in a session of its own, its output to a log; returns its id."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            # Python looks for modules where it stands first: workers shall find those of the job.
            cwd=log.parent,
            env={**os.environ, **environment, MARK: stack},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    # Whoever holds the Popen would warn that the process still runs; from here on its id is enough.
    process.returncode = 0
    return process.pid


def of_stack(stack: str) -> list[psutil.Process]:
    """Find every process that a stack started, directly or not."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == stack and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def runs(pid: int, stack: str) -> bool:
    """Tell whether the process still is the one that the stack started."""
    return any(process.pid == pid for process in of_stack(stack))


def stop(processes: Iterable[psutil.Process], seconds: float = 20.0) -> None:
    """Ask processes to end, and kill those that do not."""
    waiting = list(processes)
    for process in waiting:
        _signal(process.terminate)
    _, stubborn = psutil.wait_procs(waiting, timeout=seconds)
    for process in stubborn:
        _signal(process.kill)
    psutil.wait_procs(stubborn, timeout=seconds)


def _signal(send: object) -> None:
    try:
        send()  # type: ignore[operator]
    except psutil.NoSuchProcess:
        return
