"""A model card: data, options and package versions of a training run, so that it can be repeated."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import time
from typing import Any

import msgspec
import pandas as pd

from jobs.data.column_values import plain
from operators.core.timestamps import iso_seconds
from operators.storage.digest import digest

FILE = "model-card.json"
_PACKAGES = ("weir", "alibi-detect", "numpy", "scipy", "scikit-learn", "pandas", "treelite", "tensorflow")


class Card(msgspec.Struct, frozen=True):
    """The content of `NAME-model-card.json`: `rows` counts the rows of each part, `digests` is by folder."""

    name: str
    created_at: str
    source: str
    data_sha256: str
    rows: dict[str, int]
    options: dict[str, Any]
    features: dict[str, str]
    versions: dict[str, str]
    digests: dict[str, str]


def make_card(
    name: str,
    source: str,
    data_sha256: str,
    rows: Mapping[str, int],
    options: Mapping[str, Any],
    features: Mapping[str, str],
    folders: Sequence[Path],
) -> Card:
    """Return the card of folders that were just written."""
    return Card(
        name,
        iso_seconds(time()),
        source,
        data_sha256,
        dict(rows),
        dict(options),
        dict(features),
        _versions(),
        {folder.name: digest(folder) for folder in folders},
    )


def write_card(card: Card, out: Path) -> Path:
    """Write a card beside the model folders; return its path."""
    path = out / f"{card.name}-{FILE}"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(card)))
    return path


def hash_of(table: pd.DataFrame) -> str:
    """Return the SHA-256 of a table's column names and values, which does not depend on the file format."""
    checksum = sha256("\0".join(map(str, table.columns)).encode())
    for _, column in table.items():
        values = plain(column).astype(object)
        checksum.update(pd.util.hash_pandas_object(values, index=False).to_numpy().tobytes())
    return checksum.hexdigest()


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions
