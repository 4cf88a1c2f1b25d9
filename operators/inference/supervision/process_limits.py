"""What a worker process may use."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import psutil

_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


class ProcessLimits(NamedTuple):
    """The seconds that a step may take for one request, and the memory in MiB; 0: half of what there is."""

    step_seconds: float
    memory_mib: int

    def memory_bytes(self) -> int:
        """Return the limit of a worker process's memory in bytes."""
        return self.memory_mib * 2**20 or existing_memory() // 2


def existing_memory() -> int:
    """Return the bytes of memory that this machine or container has."""
    limits = [int(psutil.virtual_memory().total)]
    for file in map(Path, _CGROUP_LIMITS):
        if file.exists() and (text := file.read_text("ascii").strip()).isdigit():
            limits.append(int(text))
    return min(limits)
