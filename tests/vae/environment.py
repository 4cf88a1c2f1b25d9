"""alibi-detect with TensorFlow in an environment of its own, and scripts that run in it."""

from __future__ import annotations

from pathlib import Path

from jobs.flink.paths import ROOT
from tests.support.environments import CONSTRAINTS, environment, run

ALIBI_DETECT = ("alibi-detect[tensorflow]==0.11.4", "numba==0.57.1", "llvmlite==0.40.1", "dill==0.3.1.1")
# What computes is the same on both sides, whatever is installed here; training and converting need more.
SHARED = ("scikit-learn", "numpy", "pandas", "scipy", "joblib", "treelite")
NEEDED = ("msgspec", "fsspec", "protobuf", "psutil", "PyYAML", "rich")


def run_there(module: str, *arguments: str | Path) -> str:
    """Run a module of the project in the environment with TensorFlow; returns what it printed."""
    python = environment("vae", ALIBI_DETECT, (*SHARED, *NEEDED), CONSTRAINTS) / "bin" / "python"
    return run(str(python), "-m", module, *map(str, arguments), cwd=ROOT, TF_CPP_MIN_LOG_LEVEL="3")
