"""JSON files of a model's folder, decoded strictly."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec

from operators.core.errors import DeploymentError

T = TypeVar("T")


def read_json(path: Path, type_: type[T]) -> T:
    """Decode a file as a type; raise DeploymentError, which names the file and the mismatch."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=type_)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise DeploymentError(f"{path}: {error}") from None
