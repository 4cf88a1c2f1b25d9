"""What Weir is compared with. Each runs in an environment of its own and imports nothing of Weir."""

from __future__ import annotations

from pathlib import Path

from tests.support.environments import environment

# What computes is the same on both sides.
_SHARED = ("scikit-learn", "numpy", "scipy", "joblib", "kafka-python")
HAND = Path(__file__).with_name("hand.py")


def hand_python() -> Path:
    """Return the interpreter that runs the hand-written loop."""
    return environment("hand", ("confluent-kafka",), _SHARED) / "bin" / "python"
