"""Host names under which a server may be addressed, as protection against DNS rebinding."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit

_LOOPBACK = frozenset(("localhost", "127.0.0.1", "::1"))


class AllowedHosts:
    """The host names of a server that listens on `address`; `names` are further names, or `*` for all.

    Loopback names and `address` are allowed. A server that listens on all addresses is allowed under each IP
    address, because DNS rebinding needs a name. Ports are not compared: a proxy may change them.
    """

    def __init__(self, address: str, names: Collection[str] = ()) -> None:
        self._named = frozenset(name.lower().rstrip(".").strip("[]") for name in names) - {""}
        self._names = self._named | _LOOPBACK | {address.lower()}
        self._takes_addresses = _is_address(address) and ipaddress.ip_address(address).is_unspecified

    def allows(self, host: str) -> bool:
        """Return whether a `Host` header names this server.

        >>> hosts = AllowedHosts("0.0.0.0", ["weir.example.com"])
        >>> headers = "localhost", "[::1]:8080", "10.0.0.7:80", "WEIR.example.com.", "evil.example", ""
        >>> [hosts.allows(host) for host in headers]
        [True, True, True, True, False, False]
        """
        name = _name_of(f"//{host}")
        return (
            "*" in self._names
            or (bool(name) and name in self._names)
            or (self._takes_addresses and _is_address(name))
        )

    def allows_origin(self, origin: str, host: str) -> bool:
        """Return whether a page of `origin` may use the server that the browser addresses as `host`.

        It may if both are the same, or if its name is one of `names`: behind a proxy, `host` may be another.
        `*` allows no other origins.

        >>> AllowedHosts("127.0.0.1").allows_origin("http://localhost:3000", "localhost:8050")
        False
        """
        try:
            same = urlsplit(origin).netloc.lower() == host.lower() != ""
        except ValueError:
            return False
        return same or _name_of(origin) in self._named


def is_loopback(address: str) -> bool:
    """Return whether only this machine can reach a server that listens on `address`."""
    return address == "localhost" or (_is_address(address) and ipaddress.ip_address(address).is_loopback)


def _name_of(url: str) -> str:
    """Return the host name of a URL in lower case, empty if the URL is invalid."""
    try:
        parts = urlsplit(url)
        return "" if parts.username or parts.path not in ("", "/") else (parts.hostname or "").rstrip(".")
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
