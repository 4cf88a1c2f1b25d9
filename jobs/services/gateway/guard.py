"""Refuses requests before their bodies are read: by headers, host, origin, rate and token."""

from __future__ import annotations

import math
from time import monotonic

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jobs.services.access.hosts import AllowedHosts
from jobs.services.access.tokens import Tokens
from jobs.services.gateway.client_rates import ClientRates
from jobs.services.gateway.http_errors import error_response

# Most headers of a request. uvicorn limits only the bytes of headers that arrive in several parts.
_MOST_HEADERS, _MOST_HEADER_BYTES = 100, 32_768
# Probes know neither names nor tokens, and learn nothing but yes or no.
_OPEN = ("/v2/health/live", "/v2/health/ready")


class Guard:
    """An ASGI application in front of another one; requests for health pass, apart from their headers."""

    def __init__(self, app: ASGIApp, hosts: AllowedHosts, tokens: Tokens, rates: ClientRates) -> None:
        self._app = app
        self._hosts = hosts
        self._tokens = tokens
        self._rates = rates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on; each response forbids browsers to guess its type."""

        async def send_typed(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["x-content-type-options"] = "nosniff"
            await send(message)

        refusal = self._refusal(scope) if scope["type"] == "http" else None
        await (refusal or self._app)(scope, receive, send_typed)

    def _refusal(self, scope: Scope) -> Response | None:
        raw = scope["headers"]
        if (
            len(raw) > _MOST_HEADERS
            or sum(len(name) + len(value) for name, value in raw) > _MOST_HEADER_BYTES
        ):
            return error_response(431, f"a request may have at most {_MOST_HEADERS} headers")
        if scope["path"] in _OPEN:
            return None
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        if not self._hosts.allows(host):
            return error_response(
                421, "the gateway does not serve the host of this request; --allowed-host allows it"
            )
        if origin is not None and not self._hosts.allows_origin(origin, host):
            return error_response(403, "pages of other origins may not use the gateway")
        if wait := self._rates.wait(scope["client"][0] if scope["client"] else "", monotonic()):
            seconds = str(math.ceil(wait))
            return error_response(429, "too many requests of this client", {"retry-after": seconds})
        if self._tokens and not self._tokens.accept_bearer(headers.get("authorization", "")):
            return error_response(
                401, "the gateway needs a token: Authorization: Bearer TOKEN", {"www-authenticate": "Bearer"}
            )
        return None
