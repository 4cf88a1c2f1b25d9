"""The HTTP server of the gateway: uvicorn, with who may use it and how much."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from typing import NamedTuple

import uvicorn
from starlette.types import ASGIApp

from jobs.services.access.certificates import url_of
from jobs.services.access.hosts import AllowedHosts
from jobs.services.access.tokens import Tokens
from jobs.services.gateway.client_rates import ClientRates
from jobs.services.gateway.connection_limits import ConnectionLimits, LimitedLoop, limited_protocol
from jobs.services.gateway.guard import Guard


class Exposure(NamedTuple):
    """Where the gateway listens, and for whom.

    `rate` is in requests a second of each client, 0 for no limit. The header `X-Forwarded-For` of `proxies`
    names the client.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    allowed_hosts: Sequence[str] = ()
    tokens: Tokens = Tokens()
    rate: float = 0.0
    tls: ssl.SSLContext | None = None
    proxies: Sequence[str] = ()
    limits: ConnectionLimits = ConnectionLimits()

    @property
    def url(self) -> str:
        """The URL of the server."""
        return url_of(self.host, self.port, self.tls)


def server_config(app: ASGIApp, exposure: Exposure) -> uvicorn.Config:
    """Return the configuration of a server of `app`."""
    hosts = AllowedHosts(exposure.host, exposure.allowed_hosts)
    tls = exposure.tls
    return uvicorn.Config(
        Guard(app, hosts, exposure.tokens, ClientRates(exposure.rate)),
        host=exposure.host,
        port=exposure.port,
        http=limited_protocol(exposure.limits),
        loop=f"{LimitedLoop.__module__}:{LimitedLoop.__name__}",
        ws="none",
        # At level "warning", whoever sends what is not HTTP fills the log.
        log_level="error",
        proxy_headers=bool(exposure.proxies),
        forwarded_allow_ips=list(exposure.proxies),
        server_header=False,
        ssl_context_factory=(lambda config, default: tls) if tls else None,
    )
