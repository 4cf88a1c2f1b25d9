"""A model card: what was trained from what, with which versions, so that it can be repeated."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd

from jobs.data.column_values import plain
from operators.storage.digest import digest

FILE = "model-card.json"
_PACKAGES = ("weir", "alibi-detect", "numpy", "scipy", "scikit-learn", "pandas", "treelite", "tensorflow")


class Card(msgspec.Struct, frozen=True):
    """`model-card.json`; `rows` says how many rows each part had, `digests` what each folder holds."""

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
    """Describe folders that were just written."""
    return Card(
        name,
        datetime.now(UTC).isoformat(timespec="seconds"),
        source,
        data_sha256,
        dict(rows),
        dict(options),
        dict(features),
        _versions(),
        {folder.name: digest(folder) for folder in folders},
    )


def write_card(card: Card, out: Path) -> Path:
    """Write it beside the folders."""
    path = out / f"{card.name}-{FILE}"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(card)))
    return path


def hash_of(table: pd.DataFrame) -> str:
    """Return a SHA-256 of a table's names and values, whatever file it came from."""
    seen = sha256("\0".join(map(str, table.columns)).encode())
    for _, column in table.items():
        values = plain(column).astype(object)
        seen.update(pd.util.hash_pandas_object(values, index=False).to_numpy().tobytes())
    return seen.hexdigest()


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
