"""The files of a folder, and one digest of all of them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

from operators.core.errors import DeploymentError


class Entry(NamedTuple):
    """A file of a folder, or a link to a subfolder.

    `name` is relative to the folder, `path` is the resolved path. `link` is the target of a link to a folder.
    """

    name: str
    path: Path
    link: str = ""


def entries_of(folder: Path) -> list[Entry]:
    """List the files of a folder, and its links to subfolders, in the order of their names.

    Links to files inside the folder are followed. Raises DeploymentError for a link that leaves the folder,
    because its target may have another owner and may change independently, and for a name that is not
    printable: with line breaks in names, two folders could have the same digest.
    """
    if not folder.is_dir():
        raise DeploymentError(f"{folder} is not a folder: check storageUri, or train the model first")
    real = folder.resolve()
    entries: list[Entry] = []
    for at, folders, files in os.walk(real, onerror=_raise):
        for name in (*folders, *files):
            path = Path(at, name)
            if path.is_symlink():
                entries += _linked_entries(path, real)
            elif name in files and path.is_file():
                entries.append(Entry(path.relative_to(real).as_posix(), path))
    for name, _, link in entries:
        if not (name + link).isprintable():
            raise DeploymentError(f"{folder} contains {name + link!r}, which is not printable; rename it")
    return sorted(entries, key=lambda entry: entry.name.split("/"))


def digest(folder: Path) -> str:
    """Return `sha256:…` of the names and contents of all files in the folder and its subfolders."""
    folder_digest = hashlib.sha256()
    for name, path, link in entries_of(folder):
        contents = f"link to {link}" if link else _sha256(path)
        folder_digest.update(f"{name}\0{contents}\n".encode())
    return f"sha256:{folder_digest.hexdigest()}"


def _linked_entries(path: Path, folder: Path) -> list[Entry]:
    try:
        target = path.resolve()
    except RuntimeError:
        raise DeploymentError(f"{path} is a link that leads to itself; remove it") from None
    if not target.is_relative_to(folder):
        raise DeploymentError(
            f"{path} is a link to {target}, which is outside the model's folder {folder}; a digest cannot "
            "cover it. Copy the file into the folder"
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
