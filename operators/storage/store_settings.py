"""The setting `stores`: YAML or JSON that describes stores by name, without secrets."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec
import yaml

from operators.core.errors import DeploymentError, describe
from operators.storage.limits import Limits

Protocol = Literal["s3", "gs", "azureblob", "http"]
# The name of a store as in rclone, but in lower case.
NAME = re.compile(r"[a-z0-9][a-z0-9_.-]*")
_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_SECRET = re.compile(r"key|secret|token|password|credential|sas|connection_string|auth|cookie", re.I)
# Values of options such as `token` that are not secrets; some name a way to sign in.
_PUBLIC = (None, True, False, "", "anon", "cloud", "google_default", "cache")


class Store(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The settings that open a store.

    `endpoint` is the URL of the server, if it is not the protocol's default. `options` are the arguments of
    the protocol's fsspec class. `${NAME}` in a value is replaced by the environment variable NAME. `limits`
    bound the folder of one model.
    """

    protocol: Protocol
    endpoint: str = ""
    options: dict[str, Any] = {}
    limits: Limits = Limits()


def read_stores(setting: str) -> dict[str, Store]:
    """Read the setting, which is the path of a file or the text itself.

    Raises DeploymentError if it cannot be read, and for a secret in plain text, because Flink's web UI shows
    the setting.
    """
    if not setting.strip():
        return {}
    text, where = setting, "stores"
    if not ("\n" in setting or setting.lstrip().startswith("{")):
        where = f"stores: {setting}"
        try:
            text = Path(setting).read_text("utf-8")
        except (OSError, ValueError) as error:
            raise DeploymentError(f"{where}: cannot be read: {describe(error)}") from error
    try:
        stores = msgspec.convert(yaml.safe_load(text) or {}, dict[str, Store])
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise DeploymentError(f"{where}: {describe(error)}") from error
    for name, store in stores.items():
        for problem in _problems(name, store):
            raise DeploymentError(f"{where}: {name}{problem}")
    return stores


def _problems(name: str, store: Store) -> Iterator[str]:
    if not NAME.fullmatch(name) or name == "file":
        yield ": a store's name is lower-case letters, digits, dots, dashes and underscores, and not file"
    if store.protocol == "azureblob" and store.endpoint:
        yield ".endpoint is not used for azureblob: set options.connection_string or options.account_host"
    if store.protocol == "http":
        if not store.endpoint.startswith(("http://", "https://")):
            yield f".endpoint must be an http or https URL, got {store.endpoint!r}"
        if store.options.keys() - {"headers"}:
            yield ".options of http may only contain headers"
    if "@" in store.endpoint:
        yield ".endpoint contains a user: put the credentials into options, as ${NAME}"
    for at, value in _leaves(store.options, ".options"):
        if _SECRET.search(at) and value not in _PUBLIC and not _REFERENCE.search(str(value)):
            yield f"{at} may be a secret: write ${{NAME}}, and set NAME where commands and workers run"


def _leaves(value: Any, at: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, f"{at}.{key}")
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from _leaves(inner, f"{at}[{i}]")
    else:
        yield at, value


def expand(value: Any, at: str) -> Any:
    """Replace `${NAME}` by environment variables; raise DeploymentError for one that is not set."""
    if isinstance(value, Mapping):
        return {key: expand(inner, f"{at}.{key}") for key, inner in value.items()}
    if isinstance(value, list):
        return [expand(inner, f"{at}[{i}]") for i, inner in enumerate(value)]
    return _REFERENCE.sub(lambda match: _variable(match[1], at), value) if isinstance(value, str) else value


def _variable(name: str, at: str) -> str:
    if name not in os.environ:
        raise DeploymentError(f"{at}: the environment variable {name} is not set; set it on this machine")
    return os.environ[name]
