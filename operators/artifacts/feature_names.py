"""`features.json` beside a detector: what its columns are called."""

from __future__ import annotations

from pathlib import Path

import msgspec

from operators.artifacts.json_files import read_json
from operators.errors import DeploymentError

FILE = "features.json"


class FeatureNames(msgspec.Struct, frozen=True):
    """A name a column, the feature each column encodes, and for columns of codes the text of each code."""

    columns: list[str]
    features: list[str] = []
    categories: dict[str, list[str]] = {}


def read_names(folder: Path, columns: int) -> FeatureNames | None:
    """Read a folder's names, None without the file; DeploymentError unless they are of so many columns."""
    path = folder / FILE
    if not path.is_file():
        return None
    names = read_json(path, FeatureNames)
    if len(names.columns) != columns or len(names.features) not in (0, columns):
        raise DeploymentError(f"{path} must name {columns} columns and their features, as the detector has")
    return names


def plain_names(columns: int) -> FeatureNames:
    """Name columns that nobody named."""
    return FeatureNames([f"feature_{i}" for i in range(columns)])


def write_names(folder: Path, names: FeatureNames) -> None:
    """Write a folder's names."""
    (folder / FILE).write_bytes(msgspec.json.format(msgspec.json.encode(names)))
