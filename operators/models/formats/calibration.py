"""`calibration.json` of a drift detector: the effects that its features must reach, by size of window."""

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
    """Read a folder's calibrations; return an empty list without the file.

    Raises DeploymentError for another number of effects than features, and for windows without rows.
    """
    path = folder / FILE
    if not path.is_file():
        return []
    saved = read_json(path, list[_Saved])
    for calibration in saved:
        if len(calibration.effect) != features or calibration.window < 1:
            raise DeploymentError(
                f"{path}: found {len(calibration.effect)} effects for a window of {calibration.window} rows; "
                f"there must be {features}, one per feature, and a window of at least 1 row: calibrate "
                f"the detector again, `weir calibrate {folder}`"
            )
    return [Calibration(one.window, one.rate, np.array(one.effect), one.rows, one.windows) for one in saved]


def write_calibrations(folder: Path, calibrations: Sequence[Calibration]) -> None:
    """Write calibrations, sorted by their window's number of rows."""
    saved = [
        _Saved(one.window, one.rate, one.effect.round(9).tolist(), one.rows, one.windows)
        for one in sorted(calibrations, key=lambda one: one.window)
    ]
    (folder / FILE).write_bytes(msgspec.json.format(msgspec.json.encode(saved)))
