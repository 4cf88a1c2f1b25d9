"""How much memory loading a model takes."""

from __future__ import annotations

import gc
import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection

import psutil

_SECONDS = 120.0


def measure_memory(load: Callable[[], object]) -> int:
    """Return the bytes that what `load` returns takes: measured in a forked process, 0 if that fails.

    It is the growth of the memory that the process shares with no other (USS). Load it once before, so that
    imports are not counted.
    """
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_measure, args=(load, theirs), daemon=True)
    child.start()
    theirs.close()
    try:
        return int(ours.recv()) if ours.poll(_SECONDS) else 0
    except EOFError:
        return 0
    finally:
        child.kill()
        child.join()
        ours.close()


def _measure(load: Callable[[], object], result: Connection) -> None:
    # What this process inherits is not its to collect: finalizers may wait for threads that it lacks.
    gc.freeze()
    gc.collect()
    process = psutil.Process()
    before = process.memory_full_info().uss
    loaded = load()
    gc.collect()
    result.send(max(0, process.memory_full_info().uss - before))
    del loaded
