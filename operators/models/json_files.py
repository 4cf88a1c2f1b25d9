"""A JSON file of a model's folder, read strictly as a type."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec

from operators.core.errors import DeploymentError

T = TypeVar("T")


def read_json(path: Path, type_: type[T]) -> T:
    """Decode a file; DeploymentError names it and what does not fit."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=type_)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise DeploymentError(f"{path}: {error}") from None
