"""Who may look: everybody on this machine, or whoever has the token."""

from __future__ import annotations

import hmac
from collections.abc import Collection

from flask import Flask, Response, redirect, request

_COOKIE = "weir-token"


def require_host(server: Flask, hosts: Collection[str]) -> None:
    """Refuse requests by other names: a foreign page could give its own name this machine's address."""

    def check() -> Response | None:
        if request.host in hosts:
            return None
        return Response(f"This page is not {request.host}\n", 403, mimetype="text/plain")

    server.before_request(check)


def require_token(server: Flask, token: str) -> None:
    """Refuse every request without the token, which comes once as `?token=…` and then as a cookie."""

    def check() -> Response | None:
        given = request.args.get("token")
        if given is not None and _same(given, token):
            answer = redirect(request.path)
            answer.set_cookie(_COOKIE, token, httponly=True, samesite="Strict")
            return answer  # type: ignore[return-value]
        if _same(request.cookies.get(_COOKIE, ""), token):
            return None
        return Response("This page wants a token: open it as /?token=TOKEN\n", 401, mimetype="text/plain")

    server.before_request(check)


def _same(given: str, token: str) -> bool:
    return hmac.compare_digest(given.encode(), token.encode())
