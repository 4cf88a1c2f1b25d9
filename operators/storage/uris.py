"""Parsing of storageUris and trusted roots; ambiguous URIs are errors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from operators.core.errors import DeploymentError, one_line
from operators.storage.store_settings import NAME as STORE

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]*")
_ENCODED = re.compile(r"%(2e|2f|5c|25|00)", re.IGNORECASE)


def local_path(uri: str) -> Path | None:
    """Return the path of a local URI, None for a remote one.

    Raises DeploymentError for a URI without a valid scheme, or one that could mean two places.
    """
    scheme = _scheme(uri)
    if scheme is None:
        return Path(uri)
    for fault in _faults(scheme, uri.partition("://")[2]):
        raise DeploymentError(
            f"{one_line(uri)} {fault}; write the plain names of the folders, or rename them"
        )
    return Path(unquote(uri.removeprefix("file://"))) if scheme == "file" else None


def remote_parts(uri: str) -> tuple[str, ...]:
    """Split a remote URI into its scheme, its bucket and the names of its folders."""
    scheme, _, rest = uri.partition("://")
    return (scheme, *rest.rstrip("/").split("/"))


def _scheme(uri: str) -> str | None:
    """Return the scheme of a URI, None for a plain path."""
    head = uri.partition("/")[0]
    if ":" not in head:
        return None
    scheme, separator, _ = uri.partition("://")
    if separator and STORE.fullmatch(scheme):
        return scheme
    raise DeploymentError(
        f"{one_line(uri)} is neither a plain path nor file://, nor does it begin with a store's name in "
        "lower case, such as s3:// or minio://; "
        "write ./ before a relative path whose first name contains a colon"
    )


def _faults(scheme: str, rest: str) -> Iterator[str]:
    """Yield the reasons why the check of a URI and the store that opens it could interpret it differently."""
    first, _, path = rest.partition("/")
    names = path.removesuffix("/").split("/") if path.strip("/") else []
    if scheme == "file" and (first or not rest):
        yield "does not have an absolute path after file://"
    if scheme != "file" and not _BUCKET.fullmatch(first):
        yield "names no bucket, or a user before it"
    if "::" in rest:
        yield "contains ::, which chains stores"
    if any(character in "\\?#" or not character.isprintable() for character in rest):
        yield "contains a backslash, a query, a fragment or a control character"
    if _ENCODED.search(rest):
        yield "contains an encoded dot, slash, backslash, percent sign or zero"
    if any(name in ("", ".", "..") for name in names):
        yield "contains an empty name, . or .."
