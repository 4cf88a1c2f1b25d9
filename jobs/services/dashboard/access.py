"""Who may read the page: requests to its own names, from its own pages, with a token if it has one."""

from __future__ import annotations

import secrets
from datetime import timedelta

from flask import Flask, Response, redirect, request, session

from jobs.services.access.hosts import AllowedHosts
from jobs.services.access.tokens import Tokens
from jobs.services.dashboard.login import LOGIN, form

_READER = "reader"
_LOGIN_LASTS = timedelta(days=7)
# Callbacks send what the reader chose, which is short.
_MOST_BODY_BYTES = 1024 * 1024


def require_own_host(server: Flask, hosts: AllowedHosts) -> None:
    """Refuse requests to another name, as protection against DNS rebinding, and those of other pages."""

    def check() -> Response | None:
        origin = request.headers.get("Origin")
        if not hosts.allows(request.host):
            return _refuse(421, "The host of this request is not served; --allowed-host allows it.")
        if origin is not None and not hosts.allows_origin(origin, request.host):
            return _refuse(403, "Pages of other origins may not use the dashboard.")
        return None

    server.config["MAX_CONTENT_LENGTH"] = _MOST_BODY_BYTES
    server.before_request(check)


def require_token(server: Flask, tokens: Tokens, port: int, *, is_encrypted: bool) -> None:
    """Refuse every request without a token: in a header `Authorization: Bearer …`, or sent with the form.

    The form's response has a signed cookie without the token. A restart of the server makes it invalid.
    """
    server.secret_key = secrets.token_bytes(32)
    server.config.update(
        # Cookies are shared by all ports of a host.
        SESSION_COOKIE_NAME=f"weir-dashboard-{port}",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Strict",
        SESSION_COOKIE_SECURE=is_encrypted,
        PERMANENT_SESSION_LIFETIME=_LOGIN_LASTS,
    )

    def check() -> Response | None:
        if tokens.accept_bearer(request.headers.get("Authorization", "")):
            return None
        if request.path == LOGIN and request.method == "POST":
            return _log_in()
        if session.get(_READER):
            return None
        return form("") if request.method == "GET" and request.path == "/" else _refuse(401, "Log in first.")

    def _log_in() -> Response:
        if not tokens.accept(request.form.get("token", "")):
            return form("This token is not valid.")
        session[_READER] = True
        return redirect("/", 303)  # type: ignore[return-value]

    server.before_request(check)


def _refuse(status: int, text: str) -> Response:
    response = Response(f"{text}\n", status, mimetype="text/plain")
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response
