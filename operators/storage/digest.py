"""What a folder of files holds: which files, and all of them in one number."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

from operators.core.errors import DeploymentError


class Entry(NamedTuple):
    """A file by its name in a folder, and where its bytes are; or a link to a folder inside of it."""

    name: str
    path: Path
    link: str = ""


def entries_of(folder: Path) -> list[Entry]:
    """List a folder's files, and its links to folders, in order of their names.

    Links are followed inside the folder. Raises DeploymentError for one that leaves it: what is there has
    another owner, and changes without the folder.
    """
    if not folder.is_dir():
        raise DeploymentError(f"{folder} is not a folder: check storageUri, or train the model first")
    real = folder.resolve()
    found: list[Entry] = []
    for at, folders, files in os.walk(real, onerror=_raise):
        for name in (*folders, *files):
            path = Path(at, name)
            if path.is_symlink():
                found += _linked(path, real)
            elif name in files and path.is_file():
                found.append(Entry(path.relative_to(real).as_posix(), path))
    return sorted(found, key=lambda entry: entry.name.split("/"))


def digest(folder: Path) -> str:
    """Return `sha256:…` over the names and contents of every file below the folder."""
    whole = hashlib.sha256()
    for name, path, link in entries_of(folder):
        contents = f"link to {link}" if link else _sha256(path)
        whole.update(f"{name}\0{contents}\n".encode())
    return f"sha256:{whole.hexdigest()}"


def _linked(path: Path, folder: Path) -> list[Entry]:
    try:
        target = path.resolve()
    except RuntimeError:
        raise DeploymentError(f"{path} is a link that leads to itself: remove it") from None
    if not target.is_relative_to(folder):
        raise DeploymentError(
            f"{path} is a link to {target}, which lies outside the model's folder {folder}, so no digest "
            "vouches for it: put the file itself into the folder"
        )
    name = path.relative_to(folder).as_posix()
    if target.is_dir():
        return [Entry(name, target, os.path.relpath(target, path.parent))]
    return [Entry(name, target)] if target.is_file() else []


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _raise(error: OSError) -> None:
    raise error
