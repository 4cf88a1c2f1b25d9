"""`features.json` of a detector: the names of its columns and the meaning of their values."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec

from operators.core.errors import DeploymentError
from operators.models.column_origins import Origin
from operators.models.json_files import read_json

FILE = "features.json"


class FeatureNames(msgspec.Struct, frozen=True, omit_defaults=True):
    """The name of each column, the feature that it encodes, and for columns of codes the text of each code.

    `origins` maps a column that a preprocessor computed to the conversion of its values to the feature's own
    units. `missing` is the share of rows without a value, in [0, 1), for columns whose missing values were
    filled in the reference.
    """

    columns: list[str]
    features: list[str] = []
    categories: dict[str, list[str]] = {}
    origins: dict[str, Origin] = {}
    missing: dict[str, Annotated[float, msgspec.Meta(ge=0, lt=1)]] = {}


def read_names(folder: Path, columns: int) -> FeatureNames | None:
    """Read a folder's names; return None without the file.

    Raises DeploymentError if the file does not name exactly `columns` columns.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    names = read_json(path, FeatureNames)
    if len(names.columns) != columns or len(names.features) not in (0, columns):
        raise DeploymentError(
            f"{path}: columns has length {len(names.columns)} and features has length {len(names.features)}; "
            f"both must have length {columns}, the detector's number of columns (features may be empty)"
        )
    for field, columns_in_field in (("origins", names.origins.keys()), ("missing", names.missing.keys())):
        if unknown := sorted(columns_in_field - set(names.columns)):
            raise DeploymentError(f"{path}: {field} names {unknown[0]!r}, which is not one of its columns")
    return names


def plain_names(columns: int) -> FeatureNames:
    """Return generated names `feature_0`, `feature_1`, … for columns without names."""
    return FeatureNames([f"feature_{i}" for i in range(columns)])


def write_names(folder: Path, names: FeatureNames) -> None:
    """Write `features.json` into an existing folder."""
    (folder / FILE).write_bytes(msgspec.json.format(msgspec.json.encode(names)))
