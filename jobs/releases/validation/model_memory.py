"""Measures how much memory a loaded model needs."""

from __future__ import annotations

import gc
import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection

import psutil

_SECONDS = 120.0


def measure_memory(load: Callable[[], object]) -> int:
    """Return the memory of the object that `load` returns, in bytes, 0 where it cannot be measured.

    It is the growth of a forked process's unique set size (USS) while it calls `load`. Call `load` once
    before, so that imports are not counted.
    """
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_measure, args=(load, sender), daemon=True)
    child.start()
    sender.close()
    try:
        return int(receiver.recv()) if receiver.poll(_SECONDS) else 0
    except EOFError:
        return 0
    finally:
        child.kill()
        child.join()
        receiver.close()


def _measure(load: Callable[[], object], result: Connection) -> None:
    # Do not collect inherited objects: their finalizers may wait for threads that a fork does not have.
    gc.freeze()
    gc.collect()
    process = psutil.Process()
    before = process.memory_full_info().uss
    loaded = load()
    gc.collect()
    result.send(max(0, process.memory_full_info().uss - before))
    del loaded
