"""Who may use the gateway, under which name, and how often."""

from __future__ import annotations

import http.client
import json
import ssl
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from jobs.services.access.certificates import server_context
from jobs.services.access.tokens import Tokens, read_tokens
from jobs.services.gateway.client_rates import ClientRates
from jobs.services.gateway.forwarded_headers import to_response
from jobs.services.gateway.http_errors import HANDLERS, hide_places
from operators.core.errors import DeploymentError
from tests.support.certificates import self_signed
from tests.support.http_servers import exchange, http_server


async def answer(request: Request) -> Response:
    return Response(b"{}", media_type="application/json")


async def fail(request: Request) -> Response:
    raise OSError(Path(__file__))


APP = Starlette(
    routes=[Route("/", answer), Route("/v2/health/live", answer), Route("/fail", fail)],
    exception_handlers=HANDLERS,
)


def get(port: int, path: str = "/", **headers: str) -> tuple[int, http.client.HTTPMessage, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path, headers={name.replace("_", "-"): v for name, v in headers.items()})
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def test_only_names_of_the_server_and_pages_of_its_own_may_use_it() -> None:
    with http_server(APP, allowed_hosts=["weir.example.com"]) as server:
        port = server.port
        for host in (f"localhost:{port}", "127.0.0.1", "[::1]:80", "WEIR.example.com:8443"):
            assert get(port, Host=host)[0] == 200
        for host in (
            "evil.example",
            "weir.example.com.evil.example",
            "127.0.0.1.evil.example",
            "x@localhost",
            "",
        ):
            assert get(port, Host=host)[0] == 421
        assert get(port, "/v2/health/live", Host="10.1.2.3")[0] == 200
        assert get(port, Host="localhost", Origin="http://localhost:3000")[0] == 403
        assert get(port, Host="localhost", Origin="null")[0] == 403
        assert get(port, Host="localhost:3000", Origin="http://localhost:3000")[0] == 200
        assert get(port, Host="localhost", Origin="https://weir.example.com")[0] == 200


def test_requests_need_a_token_and_probes_do_not() -> None:
    with http_server(APP, tokens=Tokens(["s3cret", "next"])) as server:
        for sent in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic s3cret"}):
            status, headers, body = get(server.port, **sent)
            assert (status, headers["www-authenticate"]) == (401, "Bearer")
            assert headers["content-type"] == "application/json"
            assert "s3cret" not in json.loads(body)["error"]
        assert get(server.port, Authorization="Bearer next")[0] == 200
        assert get(server.port, "/v2/health/live")[0] == 200


def test_each_client_has_its_own_rate() -> None:
    with http_server(APP, rate=3, proxies=["127.0.0.1"]) as server:
        one = [get(server.port, X_Forwarded_For="10.0.0.1") for _ in range(5)]
        other = get(server.port, X_Forwarded_For="10.0.0.2")
    assert [status for status, _, _ in one] == [200, 200, 200, 429, 429]
    assert one[-1][1]["retry-after"] == "1"
    assert other[0] == 200


def test_only_a_trusted_proxy_names_the_client() -> None:
    with http_server(APP, rate=2) as server:
        statuses = [get(server.port, X_Forwarded_For=f"10.0.0.{number}")[0] for number in range(4)]
    assert statuses == [200, 200, 429, 429]


def test_clients_are_forgotten_and_never_too_many() -> None:
    rates = ClientRates(1.0)
    assert all(rates.wait(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}", 0.0) == 0 for n in range(20_000))
    assert len(rates._due) == 10_000


def test_the_certificate_encrypts(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    with http_server(APP, tls=server_context(certificate, key)) as server:
        trusting = ssl.create_default_context(cafile=str(certificate))
        connection = http.client.HTTPSConnection("localhost", server.port, context=trusting, timeout=30)
        connection.request("GET", "/")
        assert connection.getresponse().status == 200
        connection.close()
        assert server.url == f"https://127.0.0.1:{server.port}"
        assert exchange(server.port, b"", seconds=15) == b"", "an unfinished handshake is ended"


def test_unusable_certificates_and_tokens_are_refused_with_their_file(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    pairs = (
        (certificate, None, "set both"),
        (certificate, certificate, "cert.pem"),
        (key, Path("/no"), "/no is not"),
    )
    for one, other, text in pairs:
        with pytest.raises(DeploymentError, match=text):
            server_context(one, other)
    empty, bad, short = tmp_path / "empty", tmp_path / "bad", tmp_path / "short"
    empty.write_text("\n")
    bad.write_text(f"{'a' * 16}\nnot good\n")
    short.write_text("s3cret")
    cases = (empty, "holds no token"), (bad, "token 2"), (short, "6 characters"), (tmp_path, "cannot read")
    for file, text in cases:
        with pytest.raises(DeploymentError, match=text) as refused:
            read_tokens(file, "", "TOKEN")
        assert "not good" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("content-type", b"text/html"),
        ("set-cookie", b"a=b"),
        ("transfer-encoding", b"chunked"),
        ("content-length", b"1"),
        ("location", b"http://evil.example"),
        ("x-accel-redirect", b"/etc/passwd"),
        ("X-Sendfile", b"/etc/passwd"),
        ("x-frame-options", b"ALLOWALL"),
        ("x-content-type-options", b"none"),
        ("x-a", b"1\r\nset-cookie: a=b"),
        ("x-a\r\nset-cookie", b"1"),
        ("x-a", b"a" * 5_000),
        ("x-a", b"\x1b[31m"),
    ],
)
def test_a_record_changes_nothing_of_a_response_but_its_own_headers(name: str, value: bytes) -> None:
    others = {f"x-{number}": b"a" for number in range(100)}
    kept = to_response({**others, name: value, "x-pipeline-version": b"7"})
    assert name.lower() not in kept
    assert len(kept) == 32
    assert kept["x-pipeline-version"] == "7"


def test_a_message_names_no_file_of_the_server() -> None:
    text = "OSError: [Errno 2] No such file: '/srv/a b/model.joblib', File \"/opt/x.py\", line 3"
    assert hide_places(text) == "OSError: [Errno 2] No such file: '(path)', File \"(path)\", line 3"
    assert hide_places("x has shape [1, 12]; 3/4 of 1/2, n/a") == "x has shape [1, 12]; 3/4 of 1/2, n/a"


def test_an_error_of_the_gateway_itself_shows_nothing_of_it() -> None:
    with http_server(APP) as server:
        status, headers, body = get(server.port, "/fail")
    assert (status, headers["content-type"]) == (500, "application/json")
    assert json.loads(body) == {"error": "the gateway failed; its log has the error"}
