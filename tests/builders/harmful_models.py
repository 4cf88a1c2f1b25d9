"""Models that do to their process what users' models do, on the requests of certain values."""

from __future__ import annotations

from pathlib import Path

from tests.operators.storage.model import settings

EXIT, SEGFAULT, SLEEP, HOLD, LEAK, QUIT, NEED, EAT = 13.0, 14.0, 15.0, 16.0, 17.0, 18.0, 19.0, 20.0
_DOUBLES = """
import ctypes, os, re, sys, time
class Model:
    def __init__(self, folder, parameters): self.kept = []
    def predict(self, inputs):
        values = next(iter(inputs.values()))
        value = values.ravel()[0]
        if value == 13: os._exit(3)
        if value == 14: ctypes.string_at(0)
        if value == 15: time.sleep(3600)
        if value == 16: re.match("(a+)+b", "a" * 64)  # takes years, and holds the interpreter
        if value == 17: [self.kept.append(bytearray(2**20)) for _ in range(10**6)]
        if value == 18: sys.exit("done")
        if value == 19: bytearray(2**45)
        if value == 20: [bytearray(2**20) for _ in range(10**6)]
        return {"y": 2 * values}
"""
# Only workers end by it: `weir apply` loads models too, in another process.
_EXITS_WHEN_LOADED = """
import os, sys
class Model:
    def __init__(self, folder, parameters):
        if "fork_server" in sys.argv[0]: os._exit(4)
    def predict(self, inputs): return inputs
"""


def write_models(models: Path, *names: str) -> None:
    """Write models that double their input and harm on the values above, and `loads`, which ends workers."""
    models.mkdir(exist_ok=True)
    for name in (*names, "loads"):
        settings(models / name, implementation="mine.Model", parameters={"extra": {}})
        (models / name / "mine.py").write_text(_EXITS_WHEN_LOADED if name == "loads" else _DOUBLES)
