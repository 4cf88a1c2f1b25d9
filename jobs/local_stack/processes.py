"""Processes that outlive the command that started them, and are found again by the stack's id."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

import psutil

MARK = "WEIR_STACK"


def spawn(command: list[str], stack: str, log: Path, environment: Mapping[str, str]) -> int:
    """Start a process in its own session, append its output to `log`, and return its process id."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            # Python first imports from the working directory: it must not contain the project's
            # packages, because workers have to import those of the job's bundle.
            cwd=log.parent,
            env={**os.environ, **environment, MARK: stack},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    # A set return code avoids Popen's warning about a process that still runs.
    process.returncode = 0
    return process.pid


def stack_processes(stack: str) -> list[psutil.Process]:
    """Return every process that a stack started, directly or through another process."""
    members = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == stack and process.status() != psutil.STATUS_ZOMBIE:
                members.append(process)
        except psutil.Error:
            continue
    return members


def is_running(pid: int, stack: str) -> bool:
    """Return whether the process runs and was started by the stack."""
    return any(process.pid == pid for process in stack_processes(stack))


def stop(processes: Iterable[psutil.Process], seconds: float = 20.0) -> None:
    """Terminate processes, and kill those that still run after `seconds`."""
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
