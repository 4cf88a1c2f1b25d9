"""`calibration.json` beside a drift detector: what its features' effects must reach in windows of a size."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from detectors.drift.calibration import Calibration
from operators.core.errors import DeploymentError
from operators.models.json_files import read_json

FILE = "calibration.json"


class _Saved(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    window: int
    rate: float
    effect: list[float]
    rows: int
    windows: int


def read_calibrations(folder: Path, features: int) -> list[Calibration]:
    """Read a folder's calibrations, none without the file.

    DeploymentError where they do not fit the detector.
    """
    path = folder / FILE
    if not path.is_file():
        return []
    saved = read_json(path, list[_Saved])
    for one in saved:
        if len(one.effect) != features or one.window < 1:
            raise DeploymentError(
                f"{path}: a window of {one.window} rows has {len(one.effect)} effects, the detector "
                f"{features} features: calibrate it again, `weir calibrate {folder}`"
            )
    return [Calibration(one.window, one.rate, np.array(one.effect), one.rows, one.windows) for one in saved]


def write_calibrations(folder: Path, calibrations: Sequence[Calibration]) -> None:
    """Write calibrations by ascending window."""
    saved = [
        _Saved(one.window, one.rate, one.effect.round(9).tolist(), one.rows, one.windows)
        for one in sorted(calibrations, key=lambda one: one.window)
    ]
    (folder / FILE).write_bytes(msgspec.json.format(msgspec.json.encode(saved)))
