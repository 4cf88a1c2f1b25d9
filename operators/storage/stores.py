"""The stores of storageUris: which are known, and how each is opened.

The scheme of a URI is the name of a store, as the remotes of rclone. Some stores are built in; the setting
`stores` defines others. No other scheme is opened, even if fsspec supports it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote

import msgspec

from operators.core.errors import DeploymentError, describe, one_line
from operators.storage.http_index import HttpIndex
from operators.storage.store_settings import Store, expand

BUILT_IN: Mapping[str, Store] = {
    "s3": Store("s3"),
    "minio": Store("s3"),
    "gs": Store("gs"),
    "gcs": Store("gs"),
    "azureblob": Store("azureblob"),
    "http": Store("http"),
    "https": Store("http"),
}
# Two names of the same store, unless the setting defines one of them.
_ALIASES = {"gcs": "gs"}
# Environment variables of botocore for the URL of a server other than Amazon's.
_S3_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")


class Stores(NamedTuple):
    """The known stores by name: those of the setting, and the built-in ones that it does not replace."""

    named: Mapping[str, Store] = {}

    def find(self, uri: str) -> tuple[str, Store]:
        """Return the name and the store of a remote URI.

        Raises DeploymentError, with the known stores, if the store is unknown.
        """
        name, separator, _ = uri.partition("://")
        store = self.named.get(name) or BUILT_IN.get(name)
        if separator and store:
            return name, store
        schemes = ", ".join(f"{name}://" for name in sorted({*BUILT_IN, *self.named}))
        raise DeploymentError(
            f"{one_line(uri)} names no store that is known here; known are {schemes}. "
            "Define others with --stores"
        )

    def canonical(self, uri: str) -> str:
        """Return a URI with the main name of its store: `gs://` for `gcs://`.

        A store of the setting is separate from all others, whatever its endpoint.
        """
        name, separator, rest = uri.partition("://")
        alias = _ALIASES.get(name)
        if separator and alias and not self.named.keys() & {name, alias}:
            return f"{alias}://{rest}"
        return uri

    def text(self) -> str:
        """Return the setting as one line, with unexpanded references to environment variables."""
        return msgspec.json.encode(self.named).decode() if self.named else ""


def open_store(uri: str, stores: Stores) -> tuple[Any, str]:
    """Return an fsspec filesystem for a remote URI, and the URI's path in it.

    Raises DeploymentError if the store is unknown, its library is not installed, or it cannot be opened.
    """
    name, store = stores.find(uri)
    path = uri.partition("://")[2].rstrip("/")
    if not path:
        raise DeploymentError(f"{uri} names no bucket or folder after {name}://")
    if store.protocol == "http":
        return _open_http(uri, name, path, store)
    try:
        return _filesystem(name, store), path
    except DeploymentError:
        raise
    except ImportError as error:
        extra = "azure" if store.protocol == "azureblob" else store.protocol
        raise DeploymentError(f"{uri}: {name}:// needs an extra: pip install 'weir[{extra}]'") from error
    except Exception as error:  # each store has its own errors
        raise DeploymentError(f"{uri}: {describe(error)}") from error


def _open_http(uri: str, name: str, path: str, store: Store) -> tuple[Any, str]:
    headers = expand(store.options.get("headers", {}), f"stores.{name}.options.headers")
    endpoint = expand(store.endpoint, f"stores.{name}.endpoint").rstrip("/")
    base = f"{endpoint}/{unquote(path)}" if endpoint else f"{name}://{unquote(path)}"
    if "@" in base.split("/")[2] or any(character in base for character in "?#"):
        raise DeploymentError(f"{uri} must not contain a user, a query or a fragment; it must name a folder")
    if {".", "..", ""} & set(base.split("/")[3:]):
        raise DeploymentError(f"{uri} must not contain an empty name, . or .. in its path")
    return HttpIndex(headers), base


def _filesystem(name: str, store: Store) -> Any:
    import fsspec

    at = f"stores.{name}.options"
    options = expand(store.options, at)
    endpoint = expand(store.endpoint, f"stores.{name}.endpoint")
    if name == "minio" and not (endpoint or any(map(os.environ.get, _S3_ENDPOINTS))):
        raise DeploymentError(
            f"minio:// has no default server: set its endpoint in --stores, or in {_S3_ENDPOINTS[1]}"
        )
    if endpoint:
        options["endpoint_url"] = endpoint
    # Without instance cache: a cached filesystem keeps its listings and its credentials.
    protocol = "abfs" if store.protocol == "azureblob" else store.protocol
    return fsspec.filesystem(protocol, skip_instance_cache=True, **options)
