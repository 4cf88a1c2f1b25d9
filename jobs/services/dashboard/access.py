"""Access to the page: from this machine only, or with a token."""

from __future__ import annotations

import hmac
from collections.abc import Collection

from flask import Flask, Response, redirect, request

_COOKIE = "weir-token"


def require_host(server: Flask, hosts: Collection[str]) -> None:
    """Refuse requests whose Host header is not in `hosts`, as protection against DNS rebinding."""

    def check() -> Response | None:
        if request.host in hosts:
            return None
        return Response(f"This page is not served at {request.host}\n", 403, mimetype="text/plain")

    server.before_request(check)


def require_token(server: Flask, token: str) -> None:
    """Refuse every request without the token.

    The first request carries it as `?token=…`; the response stores it in a cookie.
    """

    def check() -> Response | None:
        candidate = request.args.get("token")
        if candidate is not None and _is_equal(candidate, token):
            response = redirect(request.path)
            response.set_cookie(_COOKIE, token, httponly=True, samesite="Strict")
            return response  # type: ignore[return-value]
        if _is_equal(request.cookies.get(_COOKIE, ""), token):
            return None
        return Response("This page needs a token: open /?token=TOKEN\n", 401, mimetype="text/plain")

    server.before_request(check)


def _is_equal(candidate: str, token: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(candidate.encode(), token.encode())
