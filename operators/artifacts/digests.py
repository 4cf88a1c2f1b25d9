"""What a folder of files holds, in one number."""

from __future__ import annotations

import hashlib
from pathlib import Path

from operators.errors import DeploymentError


def digest(folder: Path) -> str:
    """Return `sha256:…` over the names and contents of every file below the folder."""
    if not folder.is_dir():
        raise DeploymentError(f"{folder} is not a folder: check storageUri, or train the model first")
    whole = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            contents = hashlib.file_digest(file, "sha256").hexdigest()
        whole.update(f"{path.relative_to(folder).as_posix()}\0{contents}\n".encode())
    return f"sha256:{whole.hexdigest()}"
