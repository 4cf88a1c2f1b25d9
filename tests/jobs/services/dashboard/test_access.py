"""Who may read the page, over HTTP and HTTPS."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlencode

import pytest
from flask import Flask, request

from jobs.services.access.certificates import server_context
from jobs.services.access.hosts import AllowedHosts
from jobs.services.access.tokens import Tokens
from jobs.services.dashboard import server
from jobs.services.dashboard.access import require_own_host, require_token
from jobs.services.dashboard.security_headers import add_security_headers
from tests.end_to_end.deployment import await_true
from tests.support.certificates import self_signed
from tests.support.http_servers import exchange, page_server

TOKEN = "0123456789abcdef"


def application(*, token: str = "", encrypted: bool = False) -> Flask:
    app = Flask("page")
    app.add_url_rule("/", "page", lambda: "the page", methods=["GET"])
    app.add_url_rule("/callback", "callback", lambda: "done", methods=["POST"])
    require_own_host(app, AllowedHosts("127.0.0.1", ["weir.example.com"]))
    if token:
        require_token(app, Tokens([token]), 1234, is_encrypted=encrypted)
    add_security_headers(app, [])
    return app


def ask(
    port: int, method: str = "GET", path: str = "/", body: bytes = b"", **headers: str
) -> tuple[int, http.client.HTTPMessage, bytes]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request(method, path, body, {name.replace("_", "-"): v for name, v in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()


@pytest.fixture(scope="module")
def open_page() -> Iterator[int]:
    with page_server(application()) as port:
        yield port


@pytest.fixture(scope="module")
def guarded() -> Iterator[int]:
    with page_server(application(token=TOKEN)) as port:
        yield port


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:80", "[::1]", "localhost:8443", "weir.example.com"])
def test_each_own_name_is_served_at_any_port(open_page: int, host: str) -> None:
    assert ask(open_page, Host=host)[0] == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "localhost@evil.example"])
def test_other_names_are_refused(open_page: int, host: str) -> None:
    assert ask(open_page, Host=host)[0] == 421


def test_pages_of_other_origins_are_refused_also_for_websockets(open_page: int) -> None:
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec_WebSocket_Key": "a", "Host": "localhost"}
    for origin in ("http://evil.example", "null", "http://localhost:3000"):
        assert ask(open_page, "POST", "/callback", Host="localhost", Origin=origin)[0] == 403
        assert ask(open_page, Origin=origin, **upgrade)[0] == 403
    assert (
        ask(open_page, "POST", "/callback", Host="localhost:3000", Origin="http://localhost:3000")[0] == 200
    )
    assert ask(open_page, "POST", "/callback", Origin="https://weir.example.com")[0] == 200


def test_each_response_has_the_headers_that_tie_it_to_its_server(open_page: int) -> None:
    for host in ("localhost", "evil.example"):
        headers = ask(open_page, Host=host)[1]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "unsafe-eval" not in headers["content-security-policy"]
        assert (
            "'unsafe-inline'" not in headers["content-security-policy"].split("script-src")[1].split(";")[0]
        )
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"


def test_a_long_body_is_refused() -> None:
    app = application()
    app.add_url_rule("/read", "read", lambda: request.get_data(), methods=["POST"])
    with page_server(app) as port:
        assert ask(port, "POST", "/read", bytes(2_000_000))[0] == 413


def test_a_page_with_a_token_shows_only_its_form(guarded: int) -> None:
    status, _, body = ask(guarded)
    assert (status, b'type="password"' in body) == (401, True)
    for method, path in (
        ("GET", f"/?token={TOKEN}"),
        ("POST", "/callback"),
        ("GET", "/login"),
        ("GET", "/x"),
    ):
        status, headers, body = ask(guarded, method, path)
        assert (status, headers["set-cookie"]) == (401, None)
        assert b"the page" not in body
    for sent in (f"Bearer {TOKEN}x", f"Basic {TOKEN}", TOKEN, "Bearer \xff"):
        assert ask(guarded, Authorization=sent)[0] == 401
    assert ask(guarded, Authorization=f"Bearer {TOKEN}")[2] == b"the page"


def test_a_drip_of_bytes_does_not_keep_a_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_REQUEST_SECONDS", 0.5)
    with page_server(application()) as port, socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert client.recv(100_000).startswith(b"HTTP/1.1 200")
        client.settimeout(0.05)
        for _ in range(200):
            try:
                client.sendall(b"x")
                while client.recv(100_000):
                    pass
                return
            except TimeoutError:
                continue
            except ConnectionError:
                return
    pytest.fail("the connection stays open")


def test_connections_above_the_limit_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_MOST_CONNECTIONS", 2)
    with page_server(application()) as port:
        with socket.create_connection(("127.0.0.1", port)), socket.create_connection(("127.0.0.1", port)):
            assert exchange(port) == b""
        request = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        await_true(lambda: exchange(port, request).startswith(b"HTTP/1.1 200"), "a free connection")


def log_in(port: int, token: str, **headers: str) -> tuple[int, http.client.HTTPMessage, bytes]:
    body = urlencode({"token": token}).encode()
    return ask(port, "POST", "/login", body, Content_Type="application/x-www-form-urlencoded", **headers)


def test_the_form_exchanges_the_token_for_a_cookie_without_it(guarded: int) -> None:
    status, headers, body = log_in(guarded, "wrong")
    assert (status, headers["set-cookie"]) == (401, None)
    assert b"This token is not valid." in body
    assert log_in(guarded, TOKEN, Origin="http://evil.example")[0] == 403
    status, headers, _ = log_in(guarded, TOKEN)
    cookie = headers["set-cookie"]
    assert (status, headers["location"]) == (303, "/")
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Secure" not in cookie
    assert TOKEN not in cookie
    value = cookie.partition(";")[0]
    assert ask(guarded, Cookie=value)[2] == b"the page"
    assert ask(guarded, "POST", "/callback", Cookie=value)[0] == 200
    assert ask(guarded, Cookie=value[:-3] + "abc")[0] == 401
    with page_server(application(token=TOKEN)) as restarted:
        assert ask(restarted, Cookie=value)[0] == 401


def test_https_is_served_while_others_do_not_finish_their_handshake(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    app = application(token=TOKEN, encrypted=True)
    with page_server(app, server_context(certificate, key)) as port:
        trusting = ssl.create_default_context(cafile=str(certificate))
        with (
            socket.create_connection(("127.0.0.1", port)),
            closing(http.client.HTTPSConnection("localhost", port, context=trusting, timeout=10)) as client,
        ):
            body = urlencode({"token": TOKEN})
            client.request("POST", "/login", body, {"Content-Type": "application/x-www-form-urlencoded"})
            answer = client.getresponse()
            assert answer.status == 303
            assert "; Secure" in answer.headers["set-cookie"]
