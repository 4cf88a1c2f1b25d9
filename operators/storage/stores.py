"""The stores that a storageUri names, as rclone's remotes: which are known, and how each is opened.

A scheme is the name of a store. Some are known by themselves, others come with the setting `stores`. Nothing
else is opened, whatever fsspec knows besides.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote

import msgspec

from operators.core.errors import DeploymentError, describe, tidy
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
# Names of one place, unless the setting says otherwise.
_ALIASES = {"gcs": "gs"}
# Where botocore looks for the address of a server that is not Amazon's.
_S3_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")


class Stores(NamedTuple):
    """Stores by name: those of the setting, and the built-in ones that it does not replace."""

    named: Mapping[str, Store] = {}

    def find(self, uri: str) -> tuple[str, Store]:
        """Return name and store of a remote URI; DeploymentError lists the known ones."""
        name, separator, _ = uri.partition("://")
        store = self.named.get(name) or BUILT_IN.get(name)
        if separator and store:
            return name, store
        known = ", ".join(f"{one}://" for one in sorted({*BUILT_IN, *self.named}))
        raise DeploymentError(
            f"{tidy(uri)} names no store that is known here; known are {known}: describe others with --stores"
        )

    def canonical(self, uri: str) -> str:
        """Return a URI with one name for each place: `gcs://` is `gs://`.

        A store of the setting is a place of its own, whatever its endpoint.
        """
        name, separator, rest = uri.partition("://")
        alias = _ALIASES.get(name)
        if separator and alias and not self.named.keys() & {name, alias}:
            return f"{alias}://{rest}"
        return uri

    def text(self) -> str:
        """Return the setting as one line, references to the environment as they were written."""
        return msgspec.json.encode(self.named).decode() if self.named else ""


def open_store(uri: str, stores: Stores) -> tuple[Any, str]:
    """Return an fsspec filesystem and the path in it that a remote URI means.

    Raises DeploymentError for a store that is not known, one whose library is not installed, and one that
    cannot be opened.
    """
    name, store = stores.find(uri)
    path = uri.partition("://")[2].rstrip("/")
    if not path:
        raise DeploymentError(f"{uri} names no bucket or folder behind {name}://")
    if store.protocol == "http":
        return _open_http(uri, name, path, store)
    try:
        return _filesystem(name, store), path
    except DeploymentError:
        raise
    except ImportError as error:
        extra = "azure" if store.protocol == "azureblob" else store.protocol
        raise DeploymentError(f"{uri}: {name}:// needs an extra: pip install 'weir[{extra}]'") from error
    except Exception as error:  # each store raises its own
        raise DeploymentError(f"{uri}: {describe(error)}") from error


def _open_http(uri: str, name: str, path: str, store: Store) -> tuple[Any, str]:
    headers = expand(store.options.get("headers", {}), f"stores.{name}.options.headers")
    endpoint = expand(store.endpoint, f"stores.{name}.endpoint").rstrip("/")
    base = f"{endpoint}/{unquote(path)}" if endpoint else f"{name}://{unquote(path)}"
    if "@" in base.split("/")[2] or any(character in base for character in "?#"):
        raise DeploymentError(f"{uri} may hold neither a user, a query nor a fragment: it names a folder")
    if {".", "..", ""} & set(base.split("/")[3:]):
        raise DeploymentError(f"{uri} may hold no empty name, . or .. in its path")
    return HttpIndex(headers), base


def _filesystem(name: str, store: Store) -> Any:
    import fsspec

    at = f"stores.{name}.options"
    options = expand(store.options, at)
    endpoint = expand(store.endpoint, f"stores.{name}.endpoint")
    if name == "minio" and not (endpoint or any(map(os.environ.get, _S3_ENDPOINTS))):
        raise DeploymentError(
            f"minio:// is a server of your own: name it as endpoint in --stores, or in {_S3_ENDPOINTS[1]}"
        )
    if endpoint:
        options["endpoint_url"] = endpoint
    # A filesystem that is kept would keep what it listed, and how it signed in.
    protocol = "abfs" if store.protocol == "azureblob" else store.protocol
    return fsspec.filesystem(protocol, skip_instance_cache=True, **options)
