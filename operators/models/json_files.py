"""JSON files of a model's folder, decoded strictly."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec

from operators.core.errors import DeploymentError
from operators.core.foreign_json import syntax_error

T = TypeVar("T")


def read_json(path: Path, type_: type[T]) -> T:
    """Decode a file as a type; raise DeploymentError, which names the file and the mismatch."""
    data = path.read_bytes()
    try:
        return msgspec.json.decode(data, type=type_)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        reason = syntax_error(data, error, "write null or a number")
        raise DeploymentError(f"{path}: {reason}") from None
