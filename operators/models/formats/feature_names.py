"""`features.json` beside a detector: what its columns are called, and what their values mean."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec

from operators.core.errors import DeploymentError
from operators.models.column_origins import Origin
from operators.models.json_files import read_json

FILE = "features.json"


class FeatureNames(msgspec.Struct, frozen=True, omit_defaults=True):
    """A name a column, the feature each column encodes, and for columns of codes the text of each code.

    `origins` gives the feature's own values of columns that a preprocessor made. `missing` is the share of
    rows without a value, in [0, 1), of columns that had some before the reference was filled.
    """

    columns: list[str]
    features: list[str] = []
    categories: dict[str, list[str]] = {}
    origins: dict[str, Origin] = {}
    missing: dict[str, Annotated[float, msgspec.Meta(ge=0, lt=1)]] = {}


def read_names(folder: Path, columns: int) -> FeatureNames | None:
    """Read a folder's names, None without the file; DeploymentError unless they are of so many columns."""
    path = folder / FILE
    if not path.is_file():
        return None
    names = read_json(path, FeatureNames)
    if len(names.columns) != columns or len(names.features) not in (0, columns):
        raise DeploymentError(f"{path} must name {columns} columns and their features, as the detector has")
    for field, given in (("origins", names.origins.keys()), ("missing", names.missing.keys())):
        if strangers := sorted(given - set(names.columns)):
            raise DeploymentError(f"{path}: {field} names {strangers[0]!r}, which is not one of its columns")
    return names


def plain_names(columns: int) -> FeatureNames:
    """Name columns that nobody named."""
    return FeatureNames([f"feature_{i}" for i in range(columns)])


def write_names(folder: Path, names: FeatureNames) -> None:
    """Write a folder's names."""
    (folder / FILE).write_bytes(msgspec.json.format(msgspec.json.encode(names)))
