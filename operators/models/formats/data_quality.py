"""weir.DataQuality: `quality.json`, the values of each feature in a reference."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from detectors.quality.data_quality import Feature, Quality
from operators.core.errors import DeploymentError
from operators.models.folder import Folder
from operators.models.json_files import read_json
from operators.models.runtimes.data_quality import DataQualityModel
from operators.models.step import Step

FILE = "quality.json"


class SavedFeature(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One feature: the range of a quantity, or the texts of its categories in the order of their codes.

    A range without `low` or `high` is open at that end. `missing` is the share of values that the reference
    misses, in [0, 1].
    """

    name: str
    low: float | None = None
    high: float | None = None
    categories: list[str] | None = None
    missing: float = 0.0


class SavedQuality(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`quality.json`: the features in the order of the columns."""

    features: list[SavedFeature]


def write_quality(folder: Path, quality: Quality) -> None:
    """Write `quality.json` into an existing folder."""
    saved = SavedQuality([_saved(feature) for feature in quality.features])
    (folder / FILE).write_bytes(msgspec.json.format(msgspec.json.encode(saved), indent=1))


def load(folder: Folder) -> Step:
    """Load the file `parameters.uri`, or else `quality.json`."""
    path = folder.file((FILE,))
    if folder.settings.extra:
        raise DeploymentError(
            f"{path}: a data quality check takes no extra parameters, got {', '.join(folder.settings.extra)}"
        )
    content_types = folder.settings.content_types
    content_types.require_comparable("a data quality check")
    return DataQualityModel(read_quality(path), content_types)


def read_quality(path: Path) -> Quality:
    """Read a `quality.json`; raise DeploymentError, which names the file and the error."""
    if not path.is_file():
        raise DeploymentError(f"{path} does not exist")
    saved = read_json(path, SavedQuality)
    try:
        return Quality([_feature(feature) for feature in saved.features])
    except ValueError as error:
        raise DeploymentError(f"{path}: {error}") from None


def _saved(feature: Feature) -> SavedFeature:
    return SavedFeature(
        feature.name,
        feature.low if np.isfinite(feature.low) else None,
        feature.high if np.isfinite(feature.high) else None,
        None if feature.categories is None else list(feature.categories),
        feature.missing,
    )


def _feature(saved: SavedFeature) -> Feature:
    if saved.categories is not None and (saved.low, saved.high) != (None, None):
        raise ValueError(f"feature {saved.name!r} has categories, so it cannot have low or high")
    return Feature(
        saved.name,
        -np.inf if saved.low is None else saved.low,
        np.inf if saved.high is None else saved.high,
        None if saved.categories is None else tuple(saved.categories),
        saved.missing,
    )
